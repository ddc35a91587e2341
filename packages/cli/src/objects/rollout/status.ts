/** How far a rollout is, in kubectl's sentences. Pure. */
import type { DaemonSet, Deployment, StatefulSet } from "@sagong/orchestrator/api";
import { CommandError } from "../session/errors.js";

export interface RolloutStatus {
  /** With its newline. */
  readonly text: string;
  readonly isDone: boolean;
}

/** Throws `CommandError` where the rollout has failed. */
export function deploymentStatus({ metadata, spec, status }: Deployment): RolloutStatus {
  const name = metadata.name ?? "";
  const waiting = (what: string): RolloutStatus => ({
    text: `Waiting for deployment "${name}" rollout to finish: ${what}...\n`,
    isDone: false,
  });
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = status ?? {};
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return { text: "Waiting for deployment spec update to be observed...\n", isDone: false };
  }
  const progressing = status?.conditions?.find(({ type }) => type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    throw new CommandError(`deployment "${name}" exceeded its progress deadline`);
  }
  const wanted = spec?.replicas ?? 1;
  if (updatedReplicas < wanted) {
    return waiting(`${updatedReplicas} out of ${wanted} new replicas have been updated`);
  }
  if (replicas > updatedReplicas) {
    return waiting(`${replicas - updatedReplicas} old replicas are pending termination`);
  }
  if (availableReplicas < updatedReplicas) {
    return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`);
  }
  return { text: `deployment "${name}" successfully rolled out\n`, isDone: true };
}

/** Throws `CommandError` where it is not rolled out but replaced by hand. */
export function daemonSetStatus({ metadata, spec, status }: DaemonSet): RolloutStatus {
  const name = metadata.name ?? "";
  checkRolls(spec?.updateStrategy?.type);
  if (!status || (metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return { text: "Waiting for daemon set spec update to be observed...\n", isDone: false };
  }
  const { updatedNumberScheduled = 0, desiredNumberScheduled, numberAvailable = 0 } = status;
  const waiting = (what: string): RolloutStatus => ({
    text: `Waiting for daemon set "${name}" rollout to finish: ${what}...\n`,
    isDone: false,
  });
  if (updatedNumberScheduled < desiredNumberScheduled) {
    return waiting(
      `${updatedNumberScheduled} out of ${desiredNumberScheduled} new pods have been updated`,
    );
  }
  if (numberAvailable < desiredNumberScheduled) {
    return waiting(`${numberAvailable} of ${desiredNumberScheduled} updated pods are available`);
  }
  return { text: `daemon set "${name}" successfully rolled out\n`, isDone: true };
}

/** Throws `CommandError` where it is not rolled out but replaced by hand. */
export function statefulSetStatus({ metadata, spec, status }: StatefulSet): RolloutStatus {
  checkRolls(spec?.updateStrategy?.type);
  const observed = status?.observedGeneration ?? 0;
  if (!status || observed === 0 || (metadata.generation ?? 0) > observed) {
    return { text: "Waiting for statefulset spec update to be observed...\n", isDone: false };
  }
  const wanted = spec?.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, updateRevision, currentRevision } = status;
  if (readyReplicas < wanted) {
    return { text: `Waiting for ${wanted - readyReplicas} pods to be ready...\n`, isDone: false };
  }
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  if (partition > 0) {
    const rolled = `${updatedReplicas} out of ${wanted - partition} new pods have been updated`;
    return updatedReplicas < wanted - partition
      ? { text: `Waiting for partitioned roll out to finish: ${rolled}...\n`, isDone: false }
      : {
          text: `partitioned roll out complete: ${updatedReplicas} new pods have been updated...\n`,
          isDone: true,
        };
  }
  const at = `${updatedReplicas} pods at revision ${updateRevision ?? ""}...\n`;
  return updateRevision === currentRevision
    ? { text: `statefulset rolling update complete ${at}`, isDone: true }
    : { text: `waiting for statefulset rolling update to complete ${at}`, isDone: false };
}

function checkRolls(strategy: string | undefined): void {
  if (strategy === undefined || strategy === "RollingUpdate") return;
  throw new CommandError("rollout status is only available for RollingUpdate strategy type");
}
