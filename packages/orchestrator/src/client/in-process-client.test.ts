import { realClock } from "@sagong/base/real";
import { objectClientSuite } from "../testing/object-client-suite.js";
import { openMemoryCluster } from "../testing/memory-cluster.js";

objectClientSuite("InProcessClient", async () => {
  const cluster = await openMemoryCluster({ clock: realClock() });
  const { client, storage } = cluster;
  return { client, compact: () => storage.compact(), close: () => cluster.close() };
});
