/** What a deployment's status says of its replica sets, and until when it may go on so. Pure. */
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from "../../api/gen/apps-v1.js";
import { availableOf, bounds, podsOf, type ReplicaSets, sizeOf, sum, wantedOf } from "./scaling.js";
import { timeText } from "../../api/meta/time-text.js";

export interface StatusInput extends ReplicaSets {
  /** The name of the replica set that is being made now. */
  readonly creating: string | undefined;
  readonly nowMs: number;
}

export interface DeploymentOutlook {
  readonly status: DeploymentStatus;
  /** All replicas are of the present template and available, and there are no others. */
  readonly isComplete: boolean;
  /** When a rollout without progress is to be looked at again. */
  readonly deadlineMs: number | undefined;
}

interface Counts {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
}

/** apps/v1 takes this many seconds for "no deadline". */
const NO_DEADLINE = 2 ** 31 - 1;

export function deploymentOutlook(deployment: Deployment, input: StatusInput): DeploymentOutlook {
  const { fresh, old, nowMs } = input;
  const all = fresh ? [...old, fresh] : [...old];
  const counts: Counts = {
    replicas: sum(all, podsOf),
    updatedReplicas: fresh ? podsOf(fresh) : 0,
    readyReplicas: sum(all, (replicaSet) => replicaSet.status?.readyReplicas ?? 0),
    availableReplicas: sum(all, availableOf),
  };
  const wanted = wantedOf(deployment);
  const isComplete =
    counts.updatedReplicas === wanted &&
    counts.replicas === wanted &&
    counts.availableReplicas === wanted;
  const unavailableReplicas = Math.max(0, sum(all, sizeOf) - counts.availableReplicas);
  const progress = progressing(deployment, { ...input, counts, isComplete });
  const conditions = [
    available(deployment, counts, nowMs),
    ...(progress ? [progress] : []),
    ...replicaFailure(deployment, all.toReversed(), nowMs),
  ];
  const status = {
    observedGeneration: deployment.metadata.generation,
    ...Object.fromEntries(
      Object.entries({ ...counts, unavailableReplicas }).filter(([, count]) => count > 0),
    ),
    conditions,
    ...(deployment.status?.collisionCount === undefined
      ? {}
      : { collisionCount: deployment.status.collisionCount }),
  };
  return { status, isComplete, deadlineMs: deadlineAt(deployment, progress) };
}

function available(deployment: Deployment, counts: Counts, nowMs: number): DeploymentCondition {
  const least = wantedOf(deployment) - bounds(deployment).maxUnavailable;
  const now =
    counts.availableReplicas >= least
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
  return condition("Available", now, { before: conditionOf(deployment, "Available"), nowMs });
}

interface ProgressInput extends StatusInput {
  readonly counts: Counts;
  readonly isComplete: boolean;
}

const COMPLETE = "NewReplicaSetAvailable";
const TIMED_OUT = "ProgressDeadlineExceeded";
const PAUSED = "DeploymentPaused";

function progressing(
  deployment: Deployment,
  input: ProgressInput,
): DeploymentCondition | undefined {
  const { creating, fresh, counts, isComplete, nowMs } = input;
  if (deadlineMsOf(deployment) === undefined) return undefined;
  const before = conditionOf(deployment, "Progressing");
  const make = (status: string, reason: string, message: string): DeploymentCondition =>
    condition("Progressing", { status, reason, message }, { before, nowMs });
  if (deployment.spec?.paused) {
    if (before?.reason === TIMED_OUT) return before;
    return make("Unknown", PAUSED, "Deployment is paused");
  }
  if (creating !== undefined) {
    return make("True", "NewReplicaSetCreated", `Created new replica set "${creating}"`);
  }
  const name = fresh?.metadata.name;
  const present =
    before?.reason === PAUSED
      ? make("Unknown", "DeploymentResumed", "Deployment is resumed")
      : (before ??
        (fresh && make("True", "FoundNewReplicaSet", `Found new replica set "${name}"`)));
  // A rollout that was over stays so, also when one of its pods is unavailable for a while.
  if (before?.reason === COMPLETE && counts.replicas === counts.updatedReplicas) return before;
  const what =
    name === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${name}"`;
  if (isComplete) return make("True", COMPLETE, `${what} has successfully progressed.`);
  if (hasMoved(deployment, counts)) {
    const message = `${what} is progressing.`;
    // Unlike others this one is renewed: the deadline counts from the last progress.
    const moved = make("True", "ReplicaSetUpdated", message);
    return { ...moved, message, lastUpdateTime: timeText(nowMs) };
  }
  if (present && nowMs > (deadlineAt(deployment, present) ?? Number.POSITIVE_INFINITY)) {
    return make("False", TIMED_OUT, `${what} has timed out progressing.`);
  }
  return present;
}

function hasMoved({ status }: Deployment, counts: Counts): boolean {
  const before = (of: keyof Counts): number => status?.[of] ?? 0;
  const oldBefore = before("replicas") - before("updatedReplicas");
  return (
    counts.updatedReplicas > before("updatedReplicas") ||
    counts.replicas - counts.updatedReplicas < oldBefore ||
    counts.readyReplicas > before("readyReplicas") ||
    counts.availableReplicas > before("availableReplicas")
  );
}

function deadlineMsOf({ spec }: Deployment): number | undefined {
  const seconds = spec?.progressDeadlineSeconds ?? NO_DEADLINE;
  return seconds === NO_DEADLINE ? undefined : seconds * 1000;
}

/** When a rollout that makes no progress has timed out; undefined where none is going on. */
function deadlineAt(
  deployment: Deployment,
  progress: DeploymentCondition | undefined,
): number | undefined {
  const deadlineMs = deadlineMsOf(deployment);
  const since = progress?.lastUpdateTime;
  if (deadlineMs === undefined || since === undefined || deployment.spec?.paused) return undefined;
  if (progress?.reason === COMPLETE || progress?.reason === TIMED_OUT) return undefined;
  return Date.parse(since) + deadlineMs;
}

/** What a replica set says of failing to make pods: the newest one's word counts. */
function replicaFailure(
  deployment: Deployment,
  newestFirst: readonly ReplicaSet[],
  nowMs: number,
): DeploymentCondition[] {
  for (const { status } of newestFirst) {
    const failure = status?.conditions?.find(({ type }) => type === "ReplicaFailure");
    if (failure?.status !== "True") continue;
    const { reason = "", message = "" } = failure;
    const before = conditionOf(deployment, "ReplicaFailure");
    return [condition("ReplicaFailure", { status: "True", reason, message }, { before, nowMs })];
  }
  return [];
}

function conditionOf({ status }: Deployment, type: string): DeploymentCondition | undefined {
  return status?.conditions?.find((one) => one.type === type);
}

/** The same status for the same reason is the same condition: its times and its message stay. */
function condition(
  type: string,
  now: { readonly status: string; readonly reason: string; readonly message: string },
  { before, nowMs }: { readonly before: DeploymentCondition | undefined; readonly nowMs: number },
): DeploymentCondition {
  if (before?.status === now.status && before.reason === now.reason) return before;
  const text = timeText(nowMs);
  return {
    type,
    ...now,
    lastUpdateTime: text,
    lastTransitionTime: before?.status === now.status ? (before.lastTransitionTime ?? text) : text,
  };
}
