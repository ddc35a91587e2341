/** The same suite on the original etcd. Skipped where it is not installed, except in CI. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStoreClient, type StoreClient } from "@sagong/kv/client";
import { realClock } from "@sagong/base/real";
import { describe } from "vitest";
import { KvStorage } from "../../src/storage/kv-storage.js";
import { storageSuite } from "../../src/testing/storage-suite.js";

const isInstalled = spawnSync("etcd", ["--version"]).status === 0;
const inCi = process.env["CI"] === "true";

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || !address) throw new Error("no port was given");
  return address.port;
}

interface Etcd {
  readonly client: StoreClient;
  close(): Promise<void>;
}

async function startEtcd(): Promise<Etcd> {
  const dir = await mkdtemp(join(tmpdir(), "sagong-etcd-"));
  const [client, peer] = [await freePort(), await freePort()];
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  const child = spawn(
    "etcd",
    [
      ["--data-dir", dir],
      ["--listen-client-urls", url(client)],
      ["--advertise-client-urls", url(client)],
      ["--listen-peer-urls", url(peer)],
      ["--initial-advertise-peer-urls", url(peer)],
      ["--initial-cluster", `default=${url(peer)}`],
      ["--logger", "zap"],
    ].flat(),
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  await ready(child);
  const store = createStoreClient({ endpoints: [url(client)] }, { clock: realClock() });
  return {
    client: store,
    close: async () => {
      await store.close();
      child.kill("SIGTERM");
      await once(child, "exit");
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Its log is read to its end: a pipe that nobody reads would stop it. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString("utf8");
      if (log.includes("serving client traffic insecurely")) resolve();
    });
    child.once("exit", () => reject(new Error(`etcd ended before it served:\n${log}`)));
  });
}

describe.skipIf(!isInstalled && !inCi)("the original etcd (skipped: needs etcd-server)", () => {
  storageSuite("KvStorage", async () => {
    const etcd = await startEtcd();
    return {
      storage: new KvStorage(etcd.client),
      compact: async (version) => {
        await etcd.client.compact({ revision: version });
      },
      close: () => etcd.close(),
    };
  });
});
