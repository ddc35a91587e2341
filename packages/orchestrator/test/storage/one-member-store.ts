/** A store of one member in the test's own process, reached without a socket. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { startStore, STORE_DEFAULTS, type StoreUrl } from "@sagong/kv";
import { createStoreClient, type StoreClient } from "@sagong/kv/client";

export interface OneMemberStore {
  readonly client: StoreClient;
  close(): Promise<void>;
}

export async function openOneMemberStore(): Promise<OneMemberStore> {
  const clock = realClock();
  const dataDir = await mkdtemp(join(tmpdir(), "sagong-storage-"));
  const anyPort: StoreUrl = { text: "http://127.0.0.1:0", host: "127.0.0.1", port: 0 };
  const store = await startStore(
    {
      name: "m1",
      dataDir,
      listenClientUrls: [anyPort],
      advertiseClientUrls: [anyPort.text],
      listenPeerUrls: [anyPort],
      initialAdvertisePeerUrls: [anyPort.text],
      listenMetricsUrls: [],
      initialCluster: [{ name: "m1", peerUrls: [anyPort.text] }],
      initialClusterState: "new",
      initialClusterToken: "test",
      heartbeatIntervalMs: 20,
      electionTimeoutMs: 100,
      snapshotCount: STORE_DEFAULTS.snapshotCount,
      snapshotCatchUpEntries: STORE_DEFAULTS.snapshotCatchUpEntries,
      quotaBackendBytes: STORE_DEFAULTS.quotaBackendBytes,
      maxRequestBytes: STORE_DEFAULTS.maxRequestBytes,
      maxTxnOps: STORE_DEFAULTS.maxTxnOps,
      watchProgressNotifyIntervalMs: STORE_DEFAULTS.watchProgressNotifyIntervalMs,
      logLevel: "error",
    },
    { clock, logger: silentLogger, randomSeed: 1 },
  );
  const client = createStoreClient({ channels: [store.memoryChannel()] }, { clock });
  return {
    client,
    close: async () => {
      await client.close();
      await store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
