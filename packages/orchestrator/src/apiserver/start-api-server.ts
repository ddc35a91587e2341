/**
 * One API server: certificates, storage, registry, HTTPS, and what every cluster has from its first
 * moment on (namespaces, the `kubernetes` service).
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Clock, delay, errorText, type Logger, type Random } from "@sagong/base";
import { createStoreClient, type StoreClient } from "@sagong/kv/client";
import { type Channel, createHealthService, createServer, type Transport } from "@sagong/rpc";
import { isApiError } from "../api/api-status.js";
import type { Service } from "../api/gen/core-v1.js";
import type { KubeObject, Resource } from "../api/resource.js";
import { NAMESPACES, SERVICES } from "../api/resources.js";
import { mayDoEverything } from "../authentication/client-certificate.js";
import { InProcessClient } from "../client/in-process-client.js";
import type { ObjectClient } from "../client/object-client.js";
import { createObjectService, MAX_OBJECT_REQUEST_BYTES } from "../object-service/object-service.js";
import { type ClusterPki, openPki } from "../pki/pki.js";
import { writeKubeconfig } from "../pki/kubeconfig-file.js";
import { Registry } from "../registry/registry.js";
import { loadSchema } from "../schema-facts.js";
import { Compactor } from "../storage/compactor.js";
import { KvStorage } from "../storage/kv-storage.js";
import { ApiServer } from "./api-server.js";

export interface StartApiServerOptions {
  /** `http://host:port`, …; or channels, in one process with the store. */
  readonly storeEndpoints?: readonly string[];
  readonly storeChannels?: readonly Channel[];
  readonly pkiDir: string;
  /** Where the admin's kubeconfig is written. */
  readonly kubeconfig: string;
  readonly bindAddress: string;
  readonly securePort: number;
  /** The gRPC object service for components in other processes; left out: none is served. */
  readonly objectPort?: number | undefined;
  /** `bindAddress` where left out. */
  readonly objectHost?: string | undefined;
  /** How much of the store's history is kept; 5 minutes where left out, 0 for all of it. */
  readonly compactionIntervalMs?: number | undefined;
  readonly version: string;
  /** What carries gRPC and HTTP/2, to the store and to clients; the default where left out. */
  readonly transport?: Transport | undefined;
}

export interface StartApiServerDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RunningApiServer {
  readonly url: string;
  /** For `createGrpcObjectClient()`; undefined where no object service was asked for. */
  readonly objectUrl: string | undefined;
  readonly pki: ClusterPki;
  inProcessClient(): ObjectClient;
  close(): Promise<void>;
}

const BOOTSTRAP_NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];
const RETRY_MS = 500;
/** How soon one that was deleted is there again: kube-apiserver's interval for its own service. */
const REPAIR_MS = 10_000;
/** kube-apiserver's --etcd-compaction-interval. */
const COMPACTION_INTERVAL_MS = 300_000;
const READY_TIMEOUT_MS = 2_000;

export async function startApiServer(
  options: StartApiServerOptions,
  dependencies: StartApiServerDependencies,
): Promise<RunningApiServer> {
  const { clock, random, logger } = dependencies;
  const pki = await openPki(options.pkiDir, { clock, addresses: [options.bindAddress] });
  const store = createStoreClient(
    options.storeChannels
      ? { channels: options.storeChannels }
      : { endpoints: options.storeEndpoints ?? [], transport: options.transport },
    { clock },
  );
  const schema = loadSchema();
  const storage = new KvStorage(store);
  const compactor = new Compactor(options.compactionIntervalMs ?? COMPACTION_INTERVAL_MS, {
    store,
    clock,
    logger,
  });
  const registry = new Registry({ schema, storage, clock, random, logger, newUid: randomUUID });
  const nodeClient = await pki.clientCertificate("apiserver-kubelet-client", {
    commonName: "kube-apiserver-kubelet-client",
    organization: "system:masters",
  });
  const server = await ApiServer.listen(
    {
      host: options.bindAddress,
      port: options.securePort,
      tls: { ...pki.apiServer, ca: pki.ca },
      version: options.version,
      transport: options.transport,
    },
    {
      registry,
      schema,
      clock,
      logger,
      isStoreReady: () => isReady(store),
      nodeClient: { ...nodeClient, ca: pki.ca },
    },
  );
  const url = `https://${options.bindAddress}:${server.port}`;
  const admin = await pki.clientCertificate("admin", {
    commonName: "kubernetes-admin",
    organization: "system:masters",
  });
  writeKubeconfig(options.kubeconfig, {
    server: url,
    ca: pki.ca,
    user: "kubernetes-admin",
    pair: admin,
  });
  const client = new InProcessClient({ registry, schema, clock });
  const objects = await serveObjects(client, options, { pki, clock, logger }).catch(
    async (error: unknown) => {
      // A port in use must not leave half a server behind.
      await server.close();
      await compactor.close();
      await registry.close();
      await store.close();
      throw error;
    },
  );
  const closing = new AbortController();
  const bootstrapped = bootstrap(client, {
    clock,
    logger,
    port: server.port,
    signal: closing.signal,
  });
  logger.info("API server listens", { url, kubeconfig: join(options.kubeconfig) });
  return {
    url,
    objectUrl: objects?.url,
    pki,
    inProcessClient: () => client,
    close: async () => {
      closing.abort(new Error("closed"));
      await bootstrapped;
      await Promise.all([server.close(), objects?.close(), compactor.close()]);
      await registry.close();
      await store.close();
    },
  };
}

interface ServedObjects {
  readonly url: string;
  close(): Promise<void>;
}

/** The object service behind mTLS: a connection without a certificate of the cluster is refused. */
async function serveObjects(
  client: ObjectClient,
  options: StartApiServerOptions,
  dependencies: { readonly pki: ClusterPki; readonly clock: Clock; readonly logger: Logger },
): Promise<ServedObjects | undefined> {
  const { objectPort, objectHost = options.bindAddress } = options;
  if (objectPort === undefined) return undefined;
  const { pki, clock, logger } = dependencies;
  const service = createObjectService(
    { clientFor: () => client, mayDo: mayDoEverything },
    { logger },
  );
  const server = createServer({
    transport: options.transport,
    services: [service, createHealthService(() => true, { clock })],
    tls: { ...pki.apiServer, clientCa: pki.ca },
    maxRequestBytes: MAX_OBJECT_REQUEST_BYTES,
  });
  const { host, port } = await server.listen({ host: objectHost, port: objectPort });
  const url = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  logger.info("object service listens", { url });
  return { url, close: () => server.close() };
}

async function isReady(store: StoreClient): Promise<boolean> {
  try {
    await store.range(
      { key: new TextEncoder().encode("/registry/health") },
      { timeoutMs: READY_TIMEOUT_MS },
    );
    return true;
  } catch {
    return false; // Whatever it is, the store does not answer: that is what was asked.
  }
}

interface BootstrapContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly port: number;
  readonly signal: AbortSignal;
}

/** Until it is aborted: made once the store takes it, and again where someone deletes it. */
async function bootstrap(client: ObjectClient, context: BootstrapContext): Promise<void> {
  while (!context.signal.aborted) {
    let nextMs = REPAIR_MS;
    try {
      for (const name of BOOTSTRAP_NAMESPACES) {
        await ensure(client, NAMESPACES, { metadata: { name } });
      }
      await ensure(client, SERVICES, kubernetesService(context.port));
    } catch (error) {
      context.logger.debug("bootstrap objects are being retried", { error: errorText(error) });
      nextMs = RETRY_MS;
    }
    await delay(context.clock, nextMs, context.signal).catch(() => {}); // Aborted: it ends.
  }
}

async function ensure<T extends KubeObject>(
  client: ObjectClient,
  resource: Resource<T>,
  object: T,
): Promise<void> {
  const { name = "", namespace } = object.metadata;
  try {
    await client.get(resource, { name, namespace });
    return;
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
  }
  try {
    await client.create(resource, object);
  } catch (error) {
    if (!isApiError(error, "AlreadyExists", "Invalid")) throw error;
  }
}

function kubernetesService(port: number): Service {
  return {
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443, targetPort: port }] },
  };
}
