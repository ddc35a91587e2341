import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { ApiServer } from "../../apiserver/api-server.js";
import { openPki } from "../../pki/pki.js";
import { openMemoryCluster } from "../../testing/memory-cluster.js";
import { objectClientSuite } from "../../testing/object-client-suite.js";
import { RestConnection } from "./rest-connection.js";
import { RestObjectClient } from "./rest-object-client.js";

objectClientSuite("RestObjectClient", async () => {
  const clock = realClock();
  const cluster = await openMemoryCluster({ clock });
  const { registry, schema, storage } = cluster;
  const dir = mkdtempSync(join(tmpdir(), "sagong-rest-"));
  const pki = await openPki(dir, { clock });
  const subject = { commonName: "admin", organization: "system:masters" };
  const pair = await pki.clientCertificate("admin", subject);
  const server = await ApiServer.listen(
    { host: "127.0.0.1", port: 0, tls: { ...pki.apiServer, ca: pki.ca }, version: "test" },
    {
      registry,
      schema,
      clock,
      logger: silentLogger,
      isStoreReady: () => Promise.resolve(true),
      nodeClient: { ...pair, ca: pki.ca },
    },
  );
  const connection = new RestConnection({
    server: `https://127.0.0.1:${server.port}`,
    objectServer: undefined,
    namespace: "default",
    caData: pki.ca,
    skipTlsVerify: false,
    certData: pair.cert,
    keyData: pair.key,
    token: undefined,
  });
  const client = new RestObjectClient(connection);
  return {
    client,
    compact: () => storage.compact(),
    close: async () => {
      await client.close();
      await server.close();
      await cluster.close();
      rmSync(dir, { recursive: true });
    },
  };
});
