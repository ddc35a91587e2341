/**
 * What a deployment needs next, as a pure function of what is observed: which replica set is new,
 * how many replicas each should have now, what the status says. Rolling updates keep to maxSurge
 * and maxUnavailable at every step (k8s.io/kubernetes pkg/controller/deployment).
 */
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from "../../api/gen/apps-v1.js";
import { resolvePercent } from "../../api/meta/percent.js";
import { equalTrees } from "../../api/patch/json-tree.js";

export const HASH_LABEL = "pod-template-hash";
export const REVISION_ANNOTATION = "deployment.kubernetes.io/revision";

export type DeploymentAction =
  | { readonly kind: "create"; readonly replicas: number; readonly revision: number }
  | { readonly kind: "scale"; readonly replicaSet: ReplicaSet; readonly replicas: number }
  | { readonly kind: "set-revision"; readonly replicaSet: ReplicaSet; readonly revision: number }
  | { readonly kind: "delete"; readonly replicaSet: ReplicaSet };

export interface DeploymentPlan {
  readonly actions: readonly DeploymentAction[];
  /** To be noted on the deployment; undefined before there is a new replica set. */
  readonly revision: number | undefined;
  readonly status: DeploymentStatus;
}

/** `owned` are the replica sets whose controller is this deployment. */
export function planDeployment(
  deployment: Deployment,
  owned: readonly ReplicaSet[],
  nowMs: number,
): DeploymentPlan {
  const fresh = newReplicaSet(deployment, owned);
  const old = owned.filter((replicaSet) => replicaSet !== fresh);
  const newest = Math.max(0, ...old.map(revisionOf));
  const revision = fresh
    ? Math.max(revisionOf(fresh), newest + (revisionOf(fresh) > newest ? 0 : 1))
    : newest + 1;
  const status = deploymentStatus(deployment, { owned, fresh, nowMs });
  if (deployment.metadata.deletionTimestamp !== undefined)
    return { actions: [], revision: undefined, status };
  const actions: DeploymentAction[] = [];
  if (deployment.spec?.paused) {
    return { actions, revision: fresh ? revisionOf(fresh) : undefined, status };
  }
  if (fresh && revisionOf(fresh) !== revision)
    actions.push({ kind: "set-revision", replicaSet: fresh, revision });
  const scaling = isRecreate(deployment)
    ? recreate(deployment, fresh, old)
    : roll(deployment, fresh, old);
  actions.push(
    ...scaling.map((action) => (action.kind === "create" ? { ...action, revision } : action)),
  );
  actions.push(...cleanUp(deployment, old, status));
  return { actions, revision, status };
}

/** The replica set with the deployment's present template. */
export function newReplicaSet(
  deployment: Deployment,
  owned: readonly ReplicaSet[],
): ReplicaSet | undefined {
  return owned
    .filter((replicaSet) =>
      equalTrees(withoutHash(replicaSet.spec?.template), withoutHash(deployment.spec?.template)),
    )
    .toSorted((a, b) =>
      (a.metadata.creationTimestamp ?? "").localeCompare(b.metadata.creationTimestamp ?? ""),
    )[0];
}

export function revisionOf(replicaSet: ReplicaSet): number {
  return Number(replicaSet.metadata.annotations?.[REVISION_ANNOTATION] ?? "0") || 0;
}

type Template = NonNullable<Deployment["spec"]>["template"] | undefined;

function withoutHash(template: Template): unknown {
  if (!template) return undefined;
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

function isRecreate({ spec }: Deployment): boolean {
  return spec?.strategy?.type === "Recreate";
}

const wanted = (deployment: Deployment): number => deployment.spec?.replicas ?? 1;
const sizeOf = (replicaSet: ReplicaSet): number => replicaSet.spec?.replicas ?? 1;
const availableOf = (replicaSet: ReplicaSet): number => replicaSet.status?.availableReplicas ?? 0;
const sum = (replicaSets: readonly ReplicaSet[], of: (replicaSet: ReplicaSet) => number): number =>
  replicaSets.reduce((total, replicaSet) => total + of(replicaSet), 0);

/** All old pods go before the first new one comes. */
function recreate(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): DeploymentAction[] {
  const shrinking = old.filter((replicaSet) => sizeOf(replicaSet) > 0);
  if (shrinking.length > 0)
    return shrinking.map((replicaSet) => ({ kind: "scale", replicaSet, replicas: 0 }));
  if (sum(old, (replicaSet) => replicaSet.status?.replicas ?? 0) > 0) return [];
  return growTo(fresh, wanted(deployment));
}

function roll(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): DeploymentAction[] {
  const replicas = wanted(deployment);
  const { maxSurge, maxUnavailable } = bounds(deployment);
  const total = (fresh ? sizeOf(fresh) : 0) + sum(old, sizeOf);
  const size = fresh ? sizeOf(fresh) : 0;
  if (size > replicas) return growTo(fresh, replicas);
  if (!fresh || size < replicas) {
    const room = replicas + maxSurge - total;
    const grown = Math.min(replicas, size + Math.max(0, room));
    if (!fresh || grown > size) return growTo(fresh, grown);
  }
  return shrinkOld(fresh, old, { replicas, maxUnavailable });
}

function growTo(fresh: ReplicaSet | undefined, replicas: number): DeploymentAction[] {
  if (!fresh) return [{ kind: "create", replicas, revision: 0 }];
  return sizeOf(fresh) === replicas ? [] : [{ kind: "scale", replicaSet: fresh, replicas }];
}

/** Unhealthy old pods first, then as many healthy ones as maxUnavailable leaves room for. */
function shrinkOld(
  fresh: ReplicaSet,
  old: readonly ReplicaSet[],
  { replicas, maxUnavailable }: { readonly replicas: number; readonly maxUnavailable: number },
): DeploymentAction[] {
  const all = sum([fresh, ...old], sizeOf);
  const unavailableNew = Math.max(0, sizeOf(fresh) - availableOf(fresh));
  let room = all - (replicas - maxUnavailable) - unavailableNew;
  if (room <= 0) return [];
  const sizes = new Map(old.map((replicaSet) => [replicaSet, sizeOf(replicaSet)]));
  for (const replicaSet of old) {
    const unhealthy = Math.min(Math.max(0, sizeOf(replicaSet) - availableOf(replicaSet)), room);
    sizes.set(replicaSet, sizeOf(replicaSet) - unhealthy);
    room -= unhealthy;
  }
  let spare = Math.min(room, sum([fresh, ...old], availableOf) - (replicas - maxUnavailable));
  for (const [replicaSet, size] of sizes) {
    const step = Math.min(size, Math.max(0, spare));
    sizes.set(replicaSet, size - step);
    spare -= step;
  }
  return [...sizes]
    .filter(([replicaSet, size]) => size !== sizeOf(replicaSet))
    .map(([replicaSet, size]) => ({ kind: "scale", replicaSet, replicas: size }));
}

/** Surge rounds up, unavailable down; where both would be 0 nothing could ever move. */
export function bounds(deployment: Deployment): {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
} {
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const replicas = wanted(deployment);
  const maxSurge = resolvePercent(rolling?.maxSurge ?? "25%", replicas, "up");
  const maxUnavailable = resolvePercent(rolling?.maxUnavailable ?? "25%", replicas, "down");
  return {
    maxSurge,
    maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas),
  };
}

/** Old replica sets beyond the history limit, once the rollout is over. */
function cleanUp(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  status: DeploymentStatus,
): DeploymentAction[] {
  const complete =
    (status.updatedReplicas ?? 0) === wanted(deployment) &&
    (status.replicas ?? 0) === wanted(deployment);
  if (!complete) return [];
  const idle = old
    .filter((replicaSet) => sizeOf(replicaSet) === 0 && (replicaSet.status?.replicas ?? 0) === 0)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
  const surplus = idle.length - (deployment.spec?.revisionHistoryLimit ?? 10);
  return idle.slice(0, Math.max(0, surplus)).map((replicaSet) => ({ kind: "delete", replicaSet }));
}

interface StatusInput {
  readonly owned: readonly ReplicaSet[];
  readonly fresh: ReplicaSet | undefined;
  readonly nowMs: number;
}

function deploymentStatus(
  deployment: Deployment,
  { owned, fresh, nowMs }: StatusInput,
): DeploymentStatus {
  const replicas = sum(owned, (replicaSet) => replicaSet.status?.replicas ?? 0);
  const availableReplicas = sum(owned, availableOf);
  const readyReplicas = sum(owned, (replicaSet) => replicaSet.status?.readyReplicas ?? 0);
  const updatedReplicas = fresh?.status?.replicas ?? 0;
  const unavailableReplicas = Math.max(0, sum(owned, sizeOf) - availableReplicas);
  const counts = { replicas, updatedReplicas, readyReplicas, availableReplicas };
  return {
    observedGeneration: deployment.metadata.generation,
    ...Object.fromEntries(
      Object.entries({ ...counts, unavailableReplicas }).filter(([, count]) => count > 0),
    ),
    conditions: conditions(deployment, { ...counts, fresh, nowMs }),
    ...(deployment.status?.collisionCount === undefined
      ? {}
      : { collisionCount: deployment.status.collisionCount }),
  };
}

interface ConditionInput {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly fresh: ReplicaSet | undefined;
  readonly nowMs: number;
}

function conditions(deployment: Deployment, input: ConditionInput): DeploymentCondition[] {
  const { status } = deployment;
  const available =
    input.availableReplicas >= wanted(deployment) - bounds(deployment).maxUnavailable;
  const complete =
    input.updatedReplicas === wanted(deployment) &&
    input.replicas === wanted(deployment) &&
    input.availableReplicas === wanted(deployment);
  const before = status?.conditions ?? [];
  const moved =
    (status?.updatedReplicas ?? 0) !== input.updatedReplicas ||
    (status?.replicas ?? 0) !== input.replicas ||
    (status?.availableReplicas ?? 0) !== input.availableReplicas;
  const name = input.fresh?.metadata.name ?? "";
  const progressing = before.find(({ type }) => type === "Progressing");
  const deadlineMs = (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000;
  const stalled =
    !complete &&
    !moved &&
    progressing?.lastUpdateTime !== undefined &&
    input.nowMs - Date.parse(progressing.lastUpdateTime) > deadlineMs;
  const progress = complete
    ? {
        status: "True",
        reason: "NewReplicaSetAvailable",
        message: `ReplicaSet "${name}" has successfully progressed.`,
      }
    : deployment.spec?.paused
      ? { status: "Unknown", reason: "DeploymentPaused", message: "Deployment is paused" }
      : stalled
        ? {
            status: "False",
            reason: "ProgressDeadlineExceeded",
            message: `ReplicaSet "${name}" has timed out progressing.`,
          }
        : {
            status: "True",
            reason: input.fresh ? "ReplicaSetUpdated" : "NewReplicaSetCreated",
            message: `ReplicaSet "${name}" is progressing.`,
          };
  const availability = available
    ? {
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  return [
    condition("Available", availability, { before, moved: false, nowMs: input.nowMs }),
    condition("Progressing", progress, { before, moved: moved && !complete, nowMs: input.nowMs }),
  ];
}

function condition(
  type: string,
  now: { readonly status: string; readonly reason: string; readonly message: string },
  {
    before,
    moved,
    nowMs,
  }: {
    readonly before: readonly DeploymentCondition[];
    readonly moved: boolean;
    readonly nowMs: number;
  },
): DeploymentCondition {
  const old = before.find((one) => one.type === type);
  const text = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  const same = old?.status === now.status && old.reason === now.reason && !moved;
  return {
    type,
    ...now,
    lastUpdateTime: same ? (old.lastUpdateTime ?? text) : text,
    lastTransitionTime: old?.status === now.status ? (old.lastTransitionTime ?? text) : text,
  };
}
