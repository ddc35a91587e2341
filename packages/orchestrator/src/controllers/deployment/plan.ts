/**
 * What a deployment needs next, as a pure function of what is observed (kube-controller-manager's
 * pkg/controller/deployment): which replica set is new, what each one should be, what the status
 * says. The parts: revision.ts (who is who), scaling.ts (how many), status.ts (what is told).
 */
import type { Deployment, DeploymentStatus, ReplicaSet } from "../../api/gen/apps-v1.js";
import { equalTrees } from "../../api/patch/json-tree.js";
import { copiedAnnotations, nameOf, newReplicaSet, revisionOf } from "./revision.js";
import {
  isBehind,
  isRecreate,
  podsOf,
  recreate,
  type ReplicaSets,
  roll,
  scale,
  type Scaling,
  sizeAnnotations,
  sizeOf,
  wasScaled,
} from "./scaling.js";
import { deploymentOutlook } from "./status.js";

export interface DeploymentObservation {
  readonly deployment: Deployment;
  /** The replica sets that are its own. */
  readonly owned: readonly ReplicaSet[];
  /** UIDs of replica sets that have a pod which has not ended yet, be it terminating. */
  readonly withLivePods: ReadonlySet<string>;
  readonly nowMs: number;
}

export type DeploymentAction =
  | {
      readonly kind: "create";
      readonly replicas: number;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "update";
      readonly replicaSet: ReplicaSet;
      readonly replicas: number;
      readonly annotations: Readonly<Record<string, string>>;
      readonly minReadySeconds: number;
    }
  | { readonly kind: "delete"; readonly replicaSet: ReplicaSet };

export interface DeploymentPlan {
  readonly actions: readonly DeploymentAction[];
  /** To be noted on the deployment; undefined before there is a new replica set. */
  readonly revision: number | undefined;
  readonly status: DeploymentStatus;
  /** When to plan again even if nothing happens. */
  readonly wakeAtMs: number | undefined;
}

const DEFAULT_HISTORY = 10;

export function planDeployment(observation: DeploymentObservation): DeploymentPlan {
  const { deployment, owned, nowMs } = observation;
  const fresh = newReplicaSet(deployment, owned);
  const old = owned.filter((replicaSet) => replicaSet !== fresh);
  const going = deployment.metadata.deletionTimestamp !== undefined;
  const scaling = going ? undefined : scalingOf(observation, { fresh, old });
  const creating = scaling?.create === undefined ? undefined : nameOf(deployment).name;
  const outlook = deploymentOutlook(deployment, { fresh, old, creating, nowMs });
  if (!scaling) {
    return { actions: [], revision: undefined, status: outlook.status, wakeAtMs: undefined };
  }
  const newest = Math.max(0, ...old.map(revisionOf));
  const revision = Math.max(fresh ? revisionOf(fresh) : 0, newest + 1);
  const tidy = outlook.isComplete || deployment.spec?.paused === true;
  return {
    actions: [
      ...created(deployment, scaling, revision),
      ...updates(deployment, { fresh, old, scaling, revision }),
      ...(tidy ? cleanUp(deployment, old) : []),
    ],
    revision: fresh || creating !== undefined ? revision : undefined,
    status: outlook.status,
    wakeAtMs: outlook.deadlineMs === undefined ? undefined : outlook.deadlineMs + 1_000,
  };
}

function scalingOf(
  { deployment, withLivePods }: DeploymentObservation,
  replicaSets: ReplicaSets,
): Scaling {
  if (deployment.spec?.paused) return scale(deployment, replicaSets);
  if (!isRecreate(deployment)) {
    const scaled = wasScaled(deployment, replicaSets);
    return scaled ? scale(deployment, replicaSets) : roll(deployment, replicaSets);
  }
  const oldPodsLive = replicaSets.old.some(({ metadata }) => withLivePods.has(metadata.uid ?? ""));
  return recreate(deployment, replicaSets, oldPodsLive);
}

function created(
  deployment: Deployment,
  { create }: Scaling,
  revision: number,
): readonly DeploymentAction[] {
  if (create === undefined) return [];
  const annotations = {
    ...copiedAnnotations(deployment, revision),
    ...sizeAnnotations(deployment),
  };
  return [{ kind: "create", replicas: create, annotations }];
}

/** One change for each replica set that is not as it should be. */
function updates(
  deployment: Deployment,
  plan: ReplicaSets & { readonly scaling: Scaling; readonly revision: number },
): DeploymentAction[] {
  const { fresh, old, scaling, revision } = plan;
  const minReady = deployment.spec?.minReadySeconds ?? 0;
  return [...old, ...(fresh ? [fresh] : [])].flatMap((replicaSet): DeploymentAction[] => {
    const before = replicaSet.metadata.annotations ?? {};
    const size = scaling.sizes.get(replicaSet);
    const isFresh = replicaSet === fresh;
    const annotations = {
      ...(isFresh ? copiedAnnotations(deployment, revision, before) : before),
      ...(size === undefined ? {} : sizeAnnotations(deployment)),
    };
    const replicas = size ?? sizeOf(replicaSet);
    const readyBefore = replicaSet.spec?.minReadySeconds ?? 0;
    const minReadySeconds = isFresh ? minReady : readyBefore;
    const same =
      replicas === sizeOf(replicaSet) &&
      minReadySeconds === readyBefore &&
      equalTrees(annotations, before);
    return same ? [] : [{ kind: "update", replicaSet, replicas, annotations, minReadySeconds }];
  });
}

/** Old replica sets beyond the history limit that have nothing and whose controller is not behind. */
function cleanUp(deployment: Deployment, old: readonly ReplicaSet[]): DeploymentAction[] {
  const idle = old
    .filter(
      (replicaSet) =>
        sizeOf(replicaSet) === 0 &&
        podsOf(replicaSet) === 0 &&
        replicaSet.metadata.deletionTimestamp === undefined &&
        !isBehind(replicaSet),
    )
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
  // As upstream counts: those that cannot be cleaned up do not count towards the limit.
  const surplus = idle.length - (deployment.spec?.revisionHistoryLimit ?? DEFAULT_HISTORY);
  return idle.slice(0, Math.max(0, surplus)).map((replicaSet) => ({ kind: "delete", replicaSet }));
}
