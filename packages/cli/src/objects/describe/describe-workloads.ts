/** Deployments and replica sets as `describe` shows them. Pure. */
import {
  type Deployment,
  equalTrees,
  type LabelSelector,
  type ReplicaSet,
  selectorText,
} from "@sagong/orchestrator/api";
import type { Describer } from "./describer.js";
import { type DescribeText, orNone, timeText } from "./describe-text.js";
import { describePodTemplate } from "./pod-spec.js";

const HASH_LABEL = "pod-template-hash";

export const describeDeployment: Describer<Deployment> = (text, deployment, context) => {
  const { metadata, spec, status } = deployment;
  text.field(0, "Name", metadata.name);
  text.field(0, "Namespace", metadata.namespace);
  text.field(0, "CreationTimestamp", timeText(metadata.creationTimestamp));
  text.labels(0, "Labels", metadata.labels);
  text.annotations(0, metadata.annotations);
  text.field(0, "Selector", selectorOf(spec?.selector));
  const {
    updatedReplicas = 0,
    replicas = 0,
    availableReplicas = 0,
    unavailableReplicas = 0,
  } = status ?? {};
  text.field(
    0,
    "Replicas",
    `${spec?.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`,
  );
  text.field(0, "StrategyType", spec?.strategy?.type ?? "");
  text.field(0, "MinReadySeconds", spec?.minReadySeconds ?? 0);
  const rolling = spec?.strategy?.rollingUpdate;
  if (rolling) {
    const bounds = `${rolling.maxUnavailable ?? 0} max unavailable, ${rolling.maxSurge ?? 0} max surge`;
    text.field(0, "RollingUpdateStrategy", bounds);
  }
  describePodTemplate(text, spec?.template);
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    text.line(0, "Conditions:\n  Type\tStatus\tReason");
    text.line(1, "----\t------\t------");
    for (const one of conditions) text.line(1, `${one.type} \t${one.status}\t${one.reason ?? ""}`);
  }
  describeReplicaSets(text, deployment, context.related.replicaSets ?? []);
  text.events(context.events, context.nowMs);
};

function describeReplicaSets(
  text: DescribeText,
  { metadata, spec }: Deployment,
  all: readonly ReplicaSet[],
): void {
  const owned = all.filter((replicaSet) =>
    (replicaSet.metadata.ownerReferences ?? []).some(({ uid }) => uid === metadata.uid),
  );
  const fresh = owned.find((replicaSet) =>
    equalTrees(bare(replicaSet.spec?.template), bare(spec?.template)),
  );
  const old = owned
    .filter((one) => one !== fresh)
    .toSorted((a, b) => (createdAt(a) < createdAt(b) ? -1 : 1));
  const shown = (replicaSets: readonly ReplicaSet[]): string =>
    orNone(
      replicaSets
        .map(
          (one) =>
            `${one.metadata.name} (${one.status?.replicas ?? 0}/${one.spec?.replicas ?? 0} replicas created)`,
        )
        .join(", "),
    );
  text.field(0, "OldReplicaSets", shown(old));
  text.field(0, "NewReplicaSet", shown(fresh ? [fresh] : []));
}

function createdAt({ metadata }: ReplicaSet): string {
  return `${metadata.creationTimestamp ?? ""} ${metadata.name ?? ""}`;
}

function bare(template: NonNullable<ReplicaSet["spec"]>["template"]): unknown {
  if (!template) return undefined;
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

export const describeReplicaSet: Describer<ReplicaSet> = (text, replicaSet, context) => {
  const { metadata, spec, status } = replicaSet;
  text.field(0, "Name", metadata.name);
  text.field(0, "Namespace", metadata.namespace);
  text.field(0, "Selector", selectorOf(spec?.selector));
  text.labels(0, "Labels", metadata.labels);
  text.annotations(0, metadata.annotations);
  const controller = (metadata.ownerReferences ?? []).find((owner) => owner.controller);
  if (controller) text.field(0, "Controlled By", `${controller.kind}/${controller.name}`);
  text.field(0, "Replicas", `${status?.replicas ?? 0} current / ${spec?.replicas ?? 1} desired`);
  const own = (context.related.pods ?? []).filter((pod) =>
    (pod.metadata.ownerReferences ?? []).some((owner) => owner.uid === metadata.uid),
  );
  const count = (phase: string): number => own.filter((pod) => pod.status?.phase === phase).length;
  text.field(
    0,
    "Pods Status",
    `${count("Running")} Running / ${count("Pending")} Waiting / ${count("Succeeded")} Succeeded / ${count("Failed")} Failed`,
  );
  describePodTemplate(text, spec?.template);
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    text.line(0, "Conditions:\n  Type\tStatus\tReason");
    text.line(1, "----\t------\t------");
    for (const one of conditions) text.line(1, `${one.type} \t${one.status}\t${one.reason ?? ""}`);
  }
  text.events(context.events, context.nowMs);
};

function selectorOf(selector: LabelSelector | undefined): string {
  return orNone(selector && selectorText(selector));
}
