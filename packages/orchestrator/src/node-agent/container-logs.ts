/** Finds the log file of one container of a pod on this node: of its present attempt or the last. */
import type { Pod } from "../api/gen/core-v1.js";
import type { ContainerLog } from "./agent-server.js";
import { hasRun, isTerminating } from "./pod/pod-observation.js";
import type { ContainerRuntime } from "./runtime/runtime.js";

export interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly previous: boolean;
}

export interface LogPlace {
  readonly runtime: ContainerRuntime;
  /** The pods that are here now; the newest last. */
  readonly pods: () => readonly Pod[];
}

export async function findContainerLog(
  { namespace, pod: name, container, previous }: LogRequest,
  { runtime, pods }: LogPlace,
): Promise<ContainerLog | { readonly error: string }> {
  const pod = pods().findLast(
    ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
  );
  if (!pod) return { error: `pod "${name}" is not on this node` };
  const { uid } = pod.metadata;
  const sandbox = (await runtime.listPodSandboxes()).find(({ config }) => config.uid === uid);
  const attempts = (await runtime.listContainers())
    .filter((one) => one.sandboxId === sandbox?.id && one.name === container && hasRun(one))
    .toSorted((a, b) => b.attempt - a.attempt);
  const found = attempts[previous ? 1 : 0];
  if (!found) {
    return previous
      ? { error: `previous terminated container "${container}" in pod "${name}" not found` }
      : {
          error: `container "${container}" in pod "${name}" is waiting to start: ${waitingReason(pod, container)}`,
        };
  }
  const isRunning = async (): Promise<boolean> => {
    const all = await runtime.listContainers();
    return all.some(({ id, phase }) => id === found.id && phase !== "exited");
  };
  return { path: found.logPath, isRunning };
}

function waitingReason(pod: Pod, container: string): string {
  if (isTerminating(pod)) return "Terminating";
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find(
    ({ name }) => name === container,
  );
  return status?.state?.waiting?.reason ?? "ContainerCreating";
}
