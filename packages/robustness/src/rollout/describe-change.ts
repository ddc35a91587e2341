/** A change of the store in one line for people: what a rollout is followed by. */
import type { Deployment, KubeObject, Pod, ReplicaSet } from "@sagong/orchestrator/api";
import type { TrueChange } from "./true-store.js";

export function describeChange({ key, version, before, after }: TrueChange): string {
  const verb = !before ? "made" : after ? "set" : "gone";
  return `${verb} ${key}@${version}${after ? ` ${describe(key, after)}` : ""}`;
}

/** The key's folder says what it is. */
function describe(key: string, object: KubeObject): string {
  if (key.startsWith("/pods/")) return describePod(object as Pod);
  if (key.startsWith("/replicasets/")) return describeReplicaSet(object as ReplicaSet);
  if (key.startsWith("/deployments/")) return describeDeployment(object as Deployment);
  return "";
}

function describePod({ metadata, spec, status }: Pod): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "-";
  const going = metadata.deletionTimestamp === undefined ? "" : " terminating";
  return `node=${spec?.nodeName ?? "-"} ready=${ready}${going}`;
}

function describeReplicaSet({ metadata, spec, status = { replicas: 0 } }: ReplicaSet): string {
  const { replicas, availableReplicas = 0, observedGeneration = 0 } = status;
  const behind = observedGeneration < (metadata.generation ?? 0) ? " behind" : "";
  const desired = metadata.annotations?.["deployment.kubernetes.io/desired-replicas"];
  return `size=${spec?.replicas} pods=${replicas} available=${availableReplicas}${behind} for=${desired}`;
}

function describeDeployment({ metadata, spec, status = {} }: Deployment): string {
  const { maxSurge, maxUnavailable } = spec?.strategy?.rollingUpdate ?? {};
  const image = spec?.template.spec?.containers[0]?.image;
  const paused = spec?.paused ? " paused" : "";
  const how = `surge=${maxSurge} unavailable=${maxUnavailable}`;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const counts = `pods=${replicas} updated=${updatedReplicas} available=${availableReplicas}`;
  return `gen=${metadata.generation} ${image} replicas=${spec?.replicas} ${how}${paused} ${counts}`;
}
