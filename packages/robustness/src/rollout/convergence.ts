/**
 * Whether a rollout has come to its end: the Deployment says so, and the store shows it. Undefined
 * where it has; else the first thing that is missing, for people.
 */
import type { Deployment, Pod, ReplicaSet } from "@sagong/orchestrator/api";
import type { TrueStore } from "./true-store.js";

export function missingToConvergence(store: TrueStore): string | undefined {
  // The folders say what they hold.
  const deployments = store.list("/deployments/") as Deployment[];
  const replicaSets = store.list("/replicasets/") as ReplicaSet[];
  const pods = store.list("/pods/") as Pod[];
  for (const deployment of deployments) {
    const missing = missingTo(deployment, { replicaSets, pods });
    if (missing !== undefined) return `${deployment.metadata.name}: ${missing}`;
  }
  return undefined;
}

function missingTo(
  { metadata, spec, status = {} }: Deployment,
  all: { readonly replicaSets: readonly ReplicaSet[]; readonly pods: readonly Pod[] },
): string | undefined {
  const wanted = spec?.replicas ?? 1;
  if (status.observedGeneration !== metadata.generation) return "its generation is not observed";
  for (const of of ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] as const) {
    if ((status[of] ?? 0) !== wanted) return `${of} is ${status[of] ?? 0}, expected ${wanted}`;
  }
  const image = spec?.template.spec?.containers[0]?.image;
  const owned = all.replicaSets.filter((one) => isOwnedBy(one, metadata.uid));
  for (const one of owned) {
    const isNew = one.spec?.template?.spec?.containers[0]?.image === image;
    const expected = isNew ? wanted : 0;
    const { name, uid } = one.metadata;
    if (one.spec?.replicas !== expected)
      return `${name} has the size ${one.spec?.replicas}, expected ${expected}`;
    const pods = all.pods.filter((pod) => isOwnedBy(pod, uid));
    if (pods.length !== expected) return `${name} has ${pods.length} pods, expected ${expected}`;
    const idle = pods.find((pod) => !isReady(pod) || pod.metadata.deletionTimestamp !== undefined);
    if (idle) return `${idle.metadata.name} is not ready`;
  }
  return owned.length > 0 ? undefined : "it has no replica set";
}

function isOwnedBy({ metadata }: ReplicaSet | Pod, uid: string | undefined): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
}

function isReady({ status, spec }: Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return Boolean(spec?.nodeName) && ready?.status === "True";
}
