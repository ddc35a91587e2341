/**
 * A whole cluster inside the test's own process, as small as it gets: one member of the store, an
 * API server on it (reached by function calls: the seam is `storeChannels`), the control loops and
 * one node that runs pods as processes. All ports are the system's choice. Commands run as values,
 * against the API server's HTTPS port, by the kubeconfig that it writes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom, silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { loadStoreConfig, startStore } from "@sagong/kv";
import {
  type ObjectClient,
  openProcessRuntime,
  startApiServer,
  startControllerManager,
  startNodeAgent,
  startScheduler,
} from "@sagong/orchestrator";
import type { Command, Io } from "../src/terminal.js";

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  /** Called with everything that is said on standard output, as it comes. */
  readonly onOut?: (text: string) => void;
}

export interface ObjectsCluster {
  readonly dir: string;
  readonly client: ObjectClient;
  /** `run(getCommand, "get pods -o name")`: words at blanks, without the command's own name. */
  run(command: Command, words: string | readonly string[], options?: RunOptions): Promise<Said>;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

export async function openObjectsCluster(): Promise<ObjectsCluster> {
  const dir = await mkdtemp(join(tmpdir(), "sagong-objects-"));
  const around = { clock: realClock(), random: seededRandom(1), logger: silentLogger };
  const store = await startStore(storeConfig(dir), { ...around, randomSeed: 1 });
  const kubeconfig = join(dir, "kubeconfig");
  const api = await startApiServer(
    {
      storeChannels: [store.memoryChannel()],
      pkiDir: join(dir, "pki"),
      kubeconfig,
      bindAddress: HOST,
      securePort: 0,
      version: "0.0.0",
    },
    around,
  );
  const client = api.inProcessClient();
  const dependencies = { ...around, client };
  const loops = [
    startControllerManager({ identity: "test" }, dependencies),
    startScheduler({ identity: "test" }, dependencies),
  ];
  const podCidr = "127.193.0.0/16";
  const rootDir = join(dir, "runtime");
  const runtime = await openProcessRuntime({ rootDir, podCidr }, around);
  const agent = await startNodeAgent(
    {
      nodeName: "node-1",
      dataDir: join(dir, "node-1"),
      address: HOST,
      port: 0,
      tls: { ...(await api.pki.nodeCertificate("node-1", [HOST])), ca: api.pki.ca },
      podCidr,
      agentVersion: "0.0.0",
      shutdownGraceMs: 2_000,
      hostEnv: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    },
    { ...dependencies, runtime },
  );
  return {
    dir,
    client,
    run: (command, words, options) => run(command, words, { kubeconfig, ...options }),
    close: async () => {
      await agent.close();
      for (const loop of loops) await loop.close();
      await api.close();
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
}

function storeConfig(dir: string): Parameters<typeof startStore>[0] {
  const url = `http://${HOST}:0`;
  const loaded = loadStoreConfig(
    [
      "--name=m1",
      `--data-dir=${join(dir, "store")}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${url}`,
      `--initial-advertise-peer-urls=${url}`,
      `--initial-cluster=m1=${url}`,
      "--heartbeat-interval=20",
      "--election-timeout=100",
    ],
    {},
  );
  if (loaded.kind === "config") return loaded.config;
  throw new Error(JSON.stringify(loaded));
}

async function run(
  command: Command,
  words: string | readonly string[],
  options: RunOptions & { readonly kubeconfig: string },
): Promise<Said> {
  let out = "";
  let err = "";
  const io: Io = {
    out: (text) => {
      out += text;
      options.onOut?.(out);
    },
    err: (text) => (err += text),
    env: { KUBECONFIG: options.kubeconfig },
    stdin: (async function* () {
      await Promise.resolve();
      yield new TextEncoder().encode(options.stdin ?? "");
    })(),
    isTerminal: false,
    columns: undefined,
    signal: options.signal ?? new AbortController().signal,
  };
  const args = typeof words === "string" ? words.split(" ").filter((word) => word !== "") : words;
  const code = await command(args, io);
  return { code, out, err };
}
