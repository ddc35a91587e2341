/**
 * Which replica set is which revision of a deployment: the one with its present template, the
 * revision numbers, and the annotations that replica sets carry of their deployment. Pure.
 */
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import { safeEncode } from "../../api/meta/generate-name.js";
import { equalTrees } from "../../api/patch/json-tree.js";
import { hashText } from "../owned.js";

export const HASH_LABEL = "pod-template-hash";
export const REVISION_ANNOTATION = "deployment.kubernetes.io/revision";
/** Revisions that the same replica set had before: it came back by a rollback. */
export const HISTORY_ANNOTATION = "deployment.kubernetes.io/revision-history";
export const DESIRED_ANNOTATION = "deployment.kubernetes.io/desired-replicas";
export const MAX_ANNOTATION = "deployment.kubernetes.io/max-replicas";

/** Of the deployment alone, not to be copied to its replica sets. */
const OWN_ANNOTATIONS: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION_ANNOTATION,
  HISTORY_ANNOTATION,
  DESIRED_ANNOTATION,
  MAX_ANNOTATION,
]);
/** kube-controller-manager's limit, in characters. */
const MAX_HISTORY = 2_000;

/** The replica set with the deployment's present template; of several the oldest. */
export function newReplicaSet(
  deployment: Deployment,
  owned: readonly ReplicaSet[],
): ReplicaSet | undefined {
  return owned
    .filter((replicaSet) => hasTemplateOf(deployment, replicaSet))
    .toSorted(compareByAge)[0];
}

export function hasTemplateOf(deployment: Deployment, replicaSet: ReplicaSet): boolean {
  return equalTrees(withoutHash(replicaSet.spec?.template), withoutHash(deployment.spec?.template));
}

/** Oldest first. */
export function compareByAge(a: ReplicaSet, b: ReplicaSet): number {
  const time = ({ metadata }: ReplicaSet): string => metadata.creationTimestamp ?? "";
  return (
    time(a).localeCompare(time(b)) || (a.metadata.name ?? "").localeCompare(b.metadata.name ?? "")
  );
}

export function revisionOf(replicaSet: ReplicaSet): number {
  return Number(replicaSet.metadata.annotations?.[REVISION_ANNOTATION] ?? "0") || 0;
}

/** What a replica set of the present template is called; a collision makes another name. */
export function nameOf({ metadata, spec, status }: Deployment): {
  readonly name: string;
  readonly hash: string;
} {
  const text = JSON.stringify(spec?.template) + (status?.collisionCount ?? 0);
  const hash = safeEncode(hashText(text));
  return { name: `${metadata.name}-${hash}`, hash };
}

/** What the new replica set is to carry of the deployment; `before` is what it carries now. */
export function copiedAnnotations(
  { metadata }: Deployment,
  revision: number,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const copied = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !OWN_ANNOTATIONS.has(key)),
  );
  const old = before[REVISION_ANNOTATION];
  if (Number(old ?? "0") >= revision) return { ...before, ...copied };
  return {
    ...before,
    ...copied,
    [REVISION_ANNOTATION]: String(revision),
    ...(old === undefined ? {} : { [HISTORY_ANNOTATION]: history(before, old) }),
  };
}

/** The oldest revisions go where there is no room. */
function history(before: Readonly<Record<string, string>>, old: string): string {
  const revisions = [...(before[HISTORY_ANNOTATION]?.split(",") ?? []), old];
  while (revisions.length > 1 && revisions.join(",").length > MAX_HISTORY) revisions.shift();
  return revisions.join(",");
}

type Template = NonNullable<Deployment["spec"]>["template"] | undefined;

function withoutHash(template: Template): unknown {
  if (!template) return undefined;
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}
