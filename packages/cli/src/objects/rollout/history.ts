/** The revisions of a deployment: its replica sets, by the revision that each notes. */
import {
  apiVersionOf,
  type Deployment,
  REPLICA_SETS,
  type ReplicaSet,
  selectorText,
} from "@sagong/orchestrator/api";
import { alignTabs, DESCRIBE_STYLE } from "../output/align-tabs.js";
import { DescribeText } from "../describe/describe-text.js";
import { describePodTemplate } from "../describe/pod-spec.js";
import { CommandError } from "../session/errors.js";
import type { Session } from "../session/session.js";

export const REVISION = "deployment.kubernetes.io/revision";
const CHANGE_CAUSE = "kubernetes.io/change-cause";

/** By revision, oldest first. Replica sets without a revision are not yet part of it. */
export async function revisionsOf(
  { calls }: Session,
  deployment: Deployment,
): Promise<readonly (readonly [number, ReplicaSet])[]> {
  const { namespace, uid } = deployment.metadata;
  const labelSelector = selectorText(deployment.spec?.selector ?? {});
  const { items } = await calls.list(REPLICA_SETS, { namespace, labelSelector });
  return (items as readonly ReplicaSet[]) // Of that resource.
    .filter(({ metadata }) =>
      (metadata.ownerReferences ?? []).some((owner) => owner.controller && owner.uid === uid),
    )
    .map((replicaSet) => [revisionOf(replicaSet), replicaSet] as const)
    .filter(([revision]) => revision > 0)
    .toSorted(([a], [b]) => a - b)
    .map(([revision, replicaSet]) => [
      revision,
      { apiVersion: apiVersionOf(REPLICA_SETS), kind: REPLICA_SETS.kind, ...replicaSet },
    ]);
}

export function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.[REVISION] ?? "0") || 0;
}

export function revisionAt(
  revisions: readonly (readonly [number, ReplicaSet])[],
  wanted: number,
): ReplicaSet {
  const found = revisions.find(([revision]) => revision === wanted);
  if (found) return found[1];
  throw new CommandError(`unable to find specified revision ${wanted} in history`);
}

/** The table of `rollout history`, with its empty line. */
export function historyText(revisions: readonly (readonly [number, ReplicaSet])[]): string {
  const rows = revisions.map(
    ([revision, { metadata }]) =>
      `${revision}\t${metadata.annotations?.[CHANGE_CAUSE] ?? "<none>"}`,
  );
  return `${alignTabs(["REVISION\tCHANGE-CAUSE", ...rows].join("\n"), DESCRIBE_STYLE)}\n\n`;
}

/** One revision's pod template; kubectl leaves its tabs as they are. */
export function revisionText(replicaSet: ReplicaSet): string {
  const text = new DescribeText();
  const template = replicaSet.spec?.template;
  const cause = replicaSet.metadata.annotations?.[CHANGE_CAUSE];
  const annotations = {
    ...template?.metadata?.annotations,
    ...(cause === undefined ? {} : { [CHANGE_CAUSE]: cause }),
  };
  describePodTemplate(
    text,
    template && { ...template, metadata: { ...template.metadata, annotations } },
  );
  return text.raw();
}
