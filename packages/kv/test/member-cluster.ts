/**
 * Members of the store inside the test's own process, on loopback sockets and folders of their own,
 * and a daemon as a child process for tests that kill one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { type RunningStore, startStore, STORE_DEFAULTS, type StoreConfig } from "@sagong/kv";
import { type Channel, createChannel } from "@sagong/rpc";

/** Ports that nobody listens on now. All are held until all are known, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      if (typeof address !== "object" || !address) throw new Error("no port was given");
      return address.port;
    }),
  );
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, "close");
    }),
  );
  return ports;
}

export async function temporaryDir(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sagong-kv-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Settings for a cluster of `count` members; elections are quick, so that tests are. */
export async function clusterConfigs(
  dir: string,
  count: number,
  overrides: Partial<StoreConfig> = {},
): Promise<StoreConfig[]> {
  const ports = await freePorts(2 * count);
  const url = (port: number | undefined) => {
    if (port === undefined) throw new Error("too few ports");
    return { text: `http://127.0.0.1:${port}`, host: "127.0.0.1", port };
  };
  const members = Array.from({ length: count }, (_, i) => ({
    name: `m${i + 1}`,
    client: url(ports[2 * i]),
    peer: url(ports[2 * i + 1]),
  }));
  return members.map(({ name, client, peer }) => ({
    name,
    dataDir: join(dir, name),
    listenClientUrls: [client],
    advertiseClientUrls: [client.text],
    listenPeerUrls: [peer],
    initialAdvertisePeerUrls: [peer.text],
    listenMetricsUrls: [],
    initialCluster: members.map((m) => ({ name: m.name, peerUrls: [m.peer.text] })),
    initialClusterState: "new",
    initialClusterToken: "test",
    heartbeatIntervalMs: 50,
    electionTimeoutMs: 400,
    snapshotCount: STORE_DEFAULTS.snapshotCount,
    snapshotCatchUpEntries: STORE_DEFAULTS.snapshotCatchUpEntries,
    quotaBackendBytes: STORE_DEFAULTS.quotaBackendBytes,
    maxRequestBytes: STORE_DEFAULTS.maxRequestBytes,
    maxTxnOps: STORE_DEFAULTS.maxTxnOps,
    watchProgressNotifyIntervalMs: STORE_DEFAULTS.watchProgressNotifyIntervalMs,
    logLevel: "error",
    ...overrides,
  }));
}

export interface TestMember {
  readonly config: StoreConfig;
  readonly store: RunningStore;
  readonly channel: Channel;
}

export async function startMember(
  config: StoreConfig,
  { seed = 1, logger = silentLogger }: { seed?: number; logger?: Logger } = {},
): Promise<TestMember> {
  const store = await startStore(config, { clock: realClock(), logger, randomSeed: seed });
  const channel = createChannel({ endpoint: store.clientUrls[0] ?? "" });
  return { config, store, channel };
}

export async function stopMember(member: TestMember): Promise<void> {
  await member.channel.close();
  await member.store.close();
}

/** Polls until `condition` gives something; a test waits for conditions, not for times. */
export async function eventually<T>(
  condition: () => T | undefined | Promise<T | undefined>,
  what: string,
  limitMs = 15_000,
): Promise<T> {
  const clock = realClock();
  const deadlineMs = clock.monotonicMs() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (clock.monotonicMs() > deadlineMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise<void>((resolve) => clock.schedule(10, resolve));
  }
}

/** The program as users run it; needs the build. */
export const SAGONG_BINARY: string = new URL("../../cli/bin/sagong.mjs", import.meta.url).pathname;

export interface Daemon {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
}

export function startDaemon(
  config: StoreConfig,
  { fileLimitBlocks }: { readonly fileLimitBlocks?: number } = {},
): Daemon {
  const flags = Object.entries({
    "--name": config.name,
    "--data-dir": config.dataDir,
    "--listen-client-urls": config.listenClientUrls.map((url) => url.text).join(","),
    "--advertise-client-urls": config.advertiseClientUrls.join(","),
    "--listen-peer-urls": config.listenPeerUrls.map((url) => url.text).join(","),
    "--initial-advertise-peer-urls": config.initialAdvertisePeerUrls.join(","),
    "--initial-cluster": config.initialCluster
      .flatMap((member) => member.peerUrls.map((url) => `${member.name}=${url}`))
      .join(","),
    "--initial-cluster-token": config.initialClusterToken,
    "--heartbeat-interval": String(config.heartbeatIntervalMs),
    "--election-timeout": String(config.electionTimeoutMs),
    "--snapshot-count": String(config.snapshotCount),
    "--snapshot-catchup-entries": String(config.snapshotCatchUpEntries),
  }).flat();
  const words = [process.execPath, SAGONG_BINARY, "store", ...flags];
  const limit = fileLimitBlocks === undefined ? "" : `ulimit -f ${fileLimitBlocks}; `;
  const child = spawn("sh", ["-c", `${limit}exec "$@"`, "sh", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  }
  const exited = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  return { child, output: () => output, exited };
}
