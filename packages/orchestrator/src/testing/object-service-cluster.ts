/** The object service over sockets on a registry in memory, and certificates to reach it with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, silentLogger } from "@sagong/base";
import { createServer, type RpcServer, type ServiceImplementation } from "@sagong/rpc";
import { mayDoEverything } from "../authentication/client-certificate.js";
import { createGrpcObjectClient } from "../client/grpc/grpc-object-client.js";
import type { ObjectClient } from "../client/object-client.js";
import { createObjectService, MAX_OBJECT_REQUEST_BYTES } from "../object-service/object-service.js";
import { type ClusterPki, openPki } from "../pki/pki.js";
import { type MemoryCluster, openMemoryCluster } from "./memory-cluster.js";

export interface ObjectServiceCluster extends MemoryCluster {
  readonly pki: ClusterPki;
  readonly url: string;
  readonly service: ServiceImplementation;
  /** A client with a certificate of this subject. */
  clientOf(commonName: string, organization: string): Promise<ObjectClient>;
  /** Stops serving; the registry lives on. */
  stop(graceMs?: number): Promise<void>;
  /** Serves again, on the same port. */
  restart(): Promise<void>;
}

const HOST = "127.0.0.1";

export async function openObjectServiceCluster({
  clock,
}: {
  readonly clock: Clock;
}): Promise<ObjectServiceCluster> {
  const cluster = await openMemoryCluster({ clock });
  const dir = mkdtempSync(join(tmpdir(), "sagong-object-service-"));
  const pki = await openPki(dir, { clock });
  const service = createObjectService(
    { clientFor: () => cluster.client, mayDo: mayDoEverything },
    { logger: silentLogger },
  );
  const open = (): RpcServer =>
    createServer({
      services: [service],
      tls: { ...pki.apiServer, clientCa: pki.ca },
      maxRequestBytes: MAX_OBJECT_REQUEST_BYTES,
    });
  let server = open();
  const { port } = await server.listen({ host: HOST, port: 0 });
  const url = `https://${HOST}:${port}`;
  const clients: ObjectClient[] = [];
  return {
    ...cluster,
    pki,
    url,
    service,
    clientOf: async (commonName, organization) => {
      const name = `client-${clients.length}`;
      const pair = await pki.clientCertificate(name, { commonName, organization });
      const client = createGrpcObjectClient(
        { endpoint: url, tls: { ca: pki.ca, ...pair } },
        { clock },
      );
      clients.push(client);
      return client;
    },
    stop: (graceMs) => server.close(graceMs),
    restart: async () => {
      server = open();
      await server.listen({ host: HOST, port });
    },
    close: async () => {
      for (const client of clients) await client.close();
      await server.close();
      await cluster.close();
      rmSync(dir, { recursive: true });
    },
  };
}
