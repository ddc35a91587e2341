/** Waits until the parts of a cluster answer, as a client sees them. */
import { once } from "node:events";
import { get as httpGet } from "node:http";
import { type Clock, delay } from "@sagong/base";
import { connectWithKubeconfig, type ObjectClient } from "@sagong/orchestrator";
import { NODES } from "@sagong/orchestrator/api";
import type { ClusterLayout } from "./layout.js";
import { ClusterError } from "./options.js";

export interface ReadinessDependencies {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const POLL_MS = 50;
/** Beyond this something is wrong that waiting does not mend. */
const LIMIT_MS = 60_000;
const REQUEST_LIMIT_MS = 2_000;

/** A member that is healthy sees a leader. */
export function storeReady(
  layout: ClusterLayout,
  dependencies: ReadinessDependencies,
): Promise<void> {
  return until("the store", dependencies, async () => {
    const answers = await Promise.all(
      layout.members.map(({ clientUrl }) => isHealthy(`${clientUrl}/health`)),
    );
    return answers.every(Boolean);
  });
}

export async function nodesReady(
  layout: ClusterLayout,
  dependencies: ReadinessDependencies & { readonly client: ObjectClient },
): Promise<void> {
  await until("the nodes", dependencies, async () => {
    const { items } = await dependencies.client.list(NODES, { signal: dependencies.signal });
    const ready = new Set(
      items
        .filter(({ status }) =>
          status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
        )
        .map(({ metadata }) => metadata.name),
    );
    return layout.nodes.every(({ name }) => ready.has(name));
  });
}

export async function apiServerReady(
  layout: ClusterLayout,
  dependencies: ReadinessDependencies,
): Promise<ObjectClient> {
  const { client } = connectWithKubeconfig(layout.kubeconfig, dependencies);
  await until("the API server", dependencies, async () => {
    await client.list(NODES, { signal: dependencies.signal });
    return true;
  });
  return client;
}

async function until(
  what: string,
  { clock, signal }: ReadinessDependencies,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const end = clock.monotonicMs() + LIMIT_MS;
  let last = "";
  for (;;) {
    signal.throwIfAborted();
    try {
      if (await isReady()) return;
      last = "it answers, but not that it is ready";
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (clock.monotonicMs() > end) {
      throw new ClusterError(
        `Cannot start the cluster: ${what} did not get ready in ${LIMIT_MS / 1000} s (${last})`,
      );
    }
    await delay(clock, POLL_MS, signal);
  }
}

async function isHealthy(url: string): Promise<boolean> {
  const request = httpGet(url, { timeout: REQUEST_LIMIT_MS });
  request.once("timeout", () => request.destroy(new Error("no answer in time")));
  const [response] = await once(request, "response");
  response.resume();
  return response.statusCode === 200;
}
