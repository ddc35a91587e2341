/**
 * A local cluster in this one process: the same parts with the same flags, ports and folders, but
 * the API server reaches the store, and the components the API server, by function calls.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Clock, type Logger, type Random, seededRandom } from "@sagong/base";
import { randomSeed, streamLogger } from "@sagong/base/real";
import { loadStoreConfig, type RunningStore, SAGONG_VERSION, startStore } from "@sagong/kv";
import {
  type ObjectClient,
  openProcessRuntime,
  type RunningApiServer,
  startApiServer,
  startControllerManager,
  startNodeAgent,
  startScheduler,
} from "@sagong/orchestrator";
import { hostEnvironment } from "../daemon/host-environment.js";
import { checkPorts } from "./check-ports.js";
import { type ClusterLayout, HOST, type MemberLayout, type NodeLayout } from "./layout.js";
import { LogFile } from "./log-file.js";
import { ClusterError } from "./options.js";
import { POD_SHUTDOWN_MS, storeArgs } from "./parts.js";
import { nodesReady } from "./readiness.js";
import type { ClusterDependencies, RunningCluster } from "./running-cluster.js";
import { writeKubeconfigs } from "./write-kubeconfigs.js";

interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Closable {
  close(): Promise<void>;
}

/** Resolves when all parts answer. Rejects with everything stopped again. */
export async function runSingle(
  layout: ClusterLayout,
  dependencies: ClusterDependencies,
): Promise<RunningCluster> {
  const { clock, progress, signal } = dependencies;
  await checkPorts(layout);
  mkdirSync(layout.logDir, { recursive: true });
  const log = new LogFile(join(layout.logDir, "sagong.log"), progress);
  const around = {
    clock,
    random: seededRandom(randomSeed()),
    logger: streamLogger({ level: "info", clock, write: (text) => log.write(text) }),
  };
  const parts: Closable[] = [log];
  // Last started, first stopped: agents end their pods while the API server still hears of it.
  const close = async (): Promise<void> => {
    for (const part of parts.toReversed()) await part.close();
  };
  try {
    const stores = await progress.step(`Store (${layout.members.length} members)`, () =>
      startMembers(layout, around, parts),
    );
    const api = await progress.step("API server", () =>
      startApi(layout, { ...around, stores, parts }),
    );
    const client = api.inProcessClient();
    await progress.step("Controllers, scheduler, nodes", async () => {
      const env = hostEnvironment(dependencies.env);
      for (const node of layout.nodes) {
        parts.push(await startNode(layout, node, { ...around, client, api, env }));
      }
      parts.push(startScheduler({ identity: "scheduler-1" }, { ...around, client }));
      parts.push(
        startControllerManager({ identity: "controller-manager-1" }, { ...around, client }),
      );
      await nodesReady(layout, { clock, signal, client });
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { pids: () => new Map(), close };
}

async function startMembers(
  layout: ClusterLayout,
  { clock, logger }: Surroundings,
  parts: Closable[],
): Promise<readonly RunningStore[]> {
  const stores = await Promise.all(
    layout.members.map((member) =>
      startStore(storeConfig(layout, member), {
        clock,
        logger: logger.with({ part: member.name }),
        randomSeed: randomSeed(),
      }),
    ),
  );
  parts.push({
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
    },
  });
  return stores;
}

function storeConfig(
  layout: ClusterLayout,
  member: MemberLayout,
): Parameters<typeof startStore>[0] {
  const loaded = loadStoreConfig(storeArgs(layout, member), {});
  if (loaded.kind === "config") return loaded.config;
  throw new ClusterError(
    `Cannot start ${member.name}: ${loaded.kind === "error" ? loaded.error : loaded.kind}`,
  );
}

interface ApiSurroundings extends Surroundings {
  readonly stores: readonly RunningStore[];
  readonly parts: Closable[];
}

async function startApi(
  layout: ClusterLayout,
  { stores, parts, clock, random, logger }: ApiSurroundings,
): Promise<RunningApiServer> {
  await writeKubeconfigs(layout, { clock });
  const storeChannels = stores.map((store) => store.memoryChannel());
  const api = await startApiServer(
    {
      storeChannels,
      pkiDir: layout.pkiDir,
      kubeconfig: layout.kubeconfig,
      bindAddress: HOST,
      securePort: layout.apiPort,
      objectPort: layout.objectPort,
      version: SAGONG_VERSION,
      transport: layout.transport,
    },
    { clock, random, logger: logger.with({ part: "apiserver" }) },
  );
  parts.push(api);
  return api;
}

interface NodeSurroundings extends Surroundings {
  readonly client: ObjectClient;
  readonly api: RunningApiServer;
  readonly env: Readonly<Record<string, string>>;
}

async function startNode(
  layout: ClusterLayout,
  node: NodeLayout,
  { client, api, env, ...around }: NodeSurroundings,
): Promise<Closable> {
  const logger = around.logger.with({ part: node.name });
  const runtime = await openProcessRuntime(
    { rootDir: join(node.dataDir, "runtime"), podCidr: node.podCidr },
    { ...around, logger },
  );
  return startNodeAgent(
    {
      nodeName: node.name,
      dataDir: node.dataDir,
      address: HOST,
      port: node.port,
      tls: { ...(await api.pki.nodeCertificate(node.name, [HOST])), ca: api.pki.ca },
      podCidr: node.podCidr,
      apiServer: { host: HOST, port: layout.apiPort },
      agentVersion: SAGONG_VERSION,
      shutdownGraceMs: POD_SHUTDOWN_MS,
      hostEnv: env,
    },
    { ...around, logger, client, runtime },
  );
}
