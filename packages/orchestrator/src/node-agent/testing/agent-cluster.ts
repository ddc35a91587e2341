/** A node agent with the process runtime on a folder of its own, and a registry in memory. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom, silentLogger } from "@sagong/base";
import { randomSeed, realClock } from "@sagong/base/real";
import { vi } from "vitest";
import { isApiError } from "../../api/api-status.js";
import type { Container, ContainerStatus, Pod } from "../../api/gen/core-v1.js";
import { EVENTS, NAMESPACES, PODS } from "../../api/resources.js";
import type { ObjectClient } from "../../client/object-client.js";
import { type ClusterPki, type KeyPair, openPki } from "../../pki/pki.js";
import { openMemoryCluster } from "../../testing/memory-cluster.js";
import { type NodeAgent, startNodeAgent } from "../agent.js";
import { openProcessRuntime } from "../runtime/process-runtime.js";

export interface AgentCluster {
  readonly client: ObjectClient;
  readonly dataDir: string;
  /** Ends the agent as a restart would, and starts the next on the same folder. */
  restart(between?: () => Promise<void>): Promise<void>;
  /** Creates a pod on this node; fields of `spec` are added to what is needed. */
  run(name: string, containers: readonly Container[], spec?: PodSpecParts): Promise<Pod>;
  get(name: string): Promise<Pod>;
  remove(name: string, gracePeriodSeconds?: number): Promise<void>;
  /** Resolves with the pod once `check` does not throw. */
  until(name: string, check: (pod: Pod) => void): Promise<Pod>;
  /** Resolves when there is no such pod any more. */
  gone(name: string): Promise<void>;
  /** `reason: message` of the events about a pod, in order of time. */
  events(name: string): Promise<readonly string[]>;
  /** What the agent's server answers for a container's log. */
  log(pod: string, container: string, query?: string): Promise<string>;
  /** The CRI log file of an attempt. */
  logFile(pod: Pod, container: string, attempt?: number): string;
  close(): Promise<void>;
}

export type PodSpecParts = Partial<NonNullable<Pod["spec"]>>;

export interface AgentClusterOptions {
  readonly podCidr: string;
  /** Containers go with their agent; they stay where left out. */
  readonly shutdownGraceMs?: number;
}

const NODE = "node-1";
/** Processes start slowly on a machine that has much else to do. */
export const PROCESS_TEST_TIMEOUT_MS = 30_000;
const WAIT = { timeout: 20_000, interval: 10 };

/** Resolves with what `check` returns once it does not throw. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, WAIT);
}

export async function openAgentCluster({
  podCidr,
  shutdownGraceMs = 0,
}: AgentClusterOptions): Promise<AgentCluster> {
  const clock = realClock();
  const dataDir = mkdtempSync(join(tmpdir(), "sagong-agent-"));
  const pki = await openPki(join(dataDir, "pki"), { clock });
  const tls = await pki.nodeCertificate(NODE, ["127.0.0.1"]);
  const cluster = await openMemoryCluster({ clock });
  await cluster.client.create(NAMESPACES, { metadata: { name: "kube-node-lease" } });
  const { client } = cluster;
  const start = async (): Promise<NodeAgent> => {
    const parts = { clock, random: seededRandom(randomSeed()), logger: silentLogger };
    const runtime = await openProcessRuntime({ rootDir: join(dataDir, "runtime"), podCidr }, parts);
    return startNodeAgent(
      {
        nodeName: NODE,
        dataDir,
        address: "127.0.0.1",
        port: 0,
        tls: { ca: pki.ca, ...tls },
        podCidr,
        shutdownGraceMs,
        agentVersion: "test",
        hostEnv: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      },
      { ...parts, client, runtime },
    );
  };
  let agent = await start();
  const get = (name: string): Promise<Pod> => client.get(PODS, { namespace: "default", name });
  return {
    client,
    dataDir,
    get,
    restart: async (between) => {
      await agent.close();
      await between?.();
      agent = await start();
    },
    run: (name, containers, spec = {}) =>
      client.create(PODS, {
        metadata: { namespace: "default", name, labels: { app: name } },
        spec: {
          nodeName: NODE,
          containers: containers.map((one) => ({ image: "none", ...one })),
          ...spec,
        },
      }),
    remove: (name, gracePeriodSeconds) =>
      client.delete(PODS, { namespace: "default", name }, { gracePeriodSeconds }),
    until: (name, check) =>
      eventually(async () => {
        const pod = await get(name);
        check(pod);
        return pod;
      }),
    gone: (name) =>
      eventually(async () => {
        if (!(await isGone(get(name)))) throw new Error(`pod ${name} is still there`);
      }),
    events: async (name) => {
      const { items } = await client.list(EVENTS, { namespace: "default" });
      return items
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ reason, message }) => `${reason}: ${message}`);
    },
    log: (pod, container, query = "") =>
      fetchText(
        pki,
        { tls, port: agent.port },
        `/containerLogs/default/${pod}/${container}${query}`,
      ),
    logFile: ({ metadata }, container, attempt = 0) =>
      join(
        dataDir,
        "logs/pods",
        `default_${metadata.name}_${metadata.uid}`,
        container,
        `${attempt}.log`,
      ),
    close: async () => {
      const { items } = await client.list(PODS, { namespace: "default" });
      for (const { metadata } of items) {
        const key = { namespace: "default", name: metadata.name ?? "" };
        await client.delete(PODS, key, { gracePeriodSeconds: 0 });
      }
      await eventually(() => {
        if (processesIn(dataDir).length > 0) throw new Error("processes are still there");
      });
      await agent.close();
      await cluster.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Pids of the wrappers of containers under `dataDir`: one for each that runs. */
export function processesIn(dataDir: string): number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  return lines
    .filter((line) => line.includes("sagong-container") && line.includes(dataDir))
    .filter((line) => !line.includes("(sh)"))
    .map((line) => Number(line.trim().split(" ")[0]));
}

/** The status of one container, which must be there. */
export function statusOf({ status }: Pod, name: string): ContainerStatus {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const found = all.find((one) => one.name === name);
  if (!found) throw new Error(`There is no status of container ${name}`);
  return found;
}

export function conditionOf({ status }: Pod, type: string): string | undefined {
  return status?.conditions?.find((one) => one.type === type)?.status;
}

/** The lines of a CRI log file, without their times. */
export function linesOf(path: string): string[] {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => line.slice(line.indexOf(" ") + 1));
}

async function isGone(get: Promise<Pod>): Promise<boolean> {
  try {
    await get;
    return false;
  } catch (error) {
    if (isApiError(error, "NotFound")) return true;
    throw error;
  }
}

function fetchText(
  pki: ClusterPki,
  { tls, port }: { readonly tls: KeyPair; readonly port: number },
  path: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path, ca: pki.ca, ...tls }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve(text));
      response.once("error", reject);
    });
    call.once("error", reject);
    call.end();
  });
}
