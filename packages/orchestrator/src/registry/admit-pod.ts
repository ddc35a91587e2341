/**
 * What a new pod refers to must be there: Kubernetes' admission plugins ServiceAccount and Priority,
 * which turn names into what the scheduler and the node work with, or refuse the pod.
 */
import { type ApiError, forbidden } from "../api/api-status.js";
import type { Pod } from "../api/gen/core-v1.js";
import type { Storage } from "../storage/storage.js";

/** The classes that every cluster has (scheduling.SystemCriticalPriority); others are not served. */
const SYSTEM_PRIORITIES: ReadonlyMap<string, number> = new Map([
  ["system-cluster-critical", 2_000_000_000],
  ["system-node-critical", 2_000_001_000],
]);

/** Every namespace gets this account in its first moments: its pods may come before it. */
const DEFAULT_ACCOUNT = "default";

/** Rejects with `ApiError` Forbidden. */
export async function admitPod(pod: Pod, { storage }: { readonly storage: Storage }): Promise<Pod> {
  const { serviceAccountName = DEFAULT_ACCOUNT, priorityClassName } = pod.spec ?? {};
  const { namespace = "" } = pod.metadata;
  if (serviceAccountName !== DEFAULT_ACCOUNT) {
    const path = `${namespace}/${serviceAccountName}`;
    if (!(await storage.get(`/serviceaccounts/${path}`))) {
      const missing = `serviceaccount "${serviceAccountName}" not found`;
      throw refusal(pod, `error looking up service account ${path}: ${missing}`);
    }
  }
  if (!pod.spec || !priorityClassName) return pod;
  const priority = SYSTEM_PRIORITIES.get(priorityClassName);
  if (priority === undefined)
    throw refusal(pod, `no PriorityClass with name ${priorityClassName} was found`);
  return { ...pod, spec: { ...pod.spec, priority } };
}

function refusal({ metadata }: Pod, why: string): ApiError {
  return forbidden(why, { resource: { group: "", resource: "pods" }, name: metadata.name ?? "" });
}
