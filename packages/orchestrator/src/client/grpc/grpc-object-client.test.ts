import { realClock } from "@sagong/base/real";
import { objectClientSuite } from "../../testing/object-client-suite.js";
import { openObjectServiceCluster } from "../../testing/object-service-cluster.js";

objectClientSuite("GrpcObjectClient", async () => {
  const cluster = await openObjectServiceCluster({ clock: realClock() });
  const client = await cluster.clientOf("system:kube-scheduler", "");
  return { client, compact: () => cluster.storage.compact(), close: () => cluster.close() };
});
