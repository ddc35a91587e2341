/** `rollout undo`: the pod template of an earlier revision, put back. */
import { type Deployment, equalTrees, type ReplicaSet } from "@sagong/orchestrator/api";
import { LAST_APPLIED } from "../apply/last-applied.js";
import { CommandError } from "../session/errors.js";
import { REVISION, revisionAt, revisionOf } from "./history.js";

export interface UndoPlan {
  readonly replicaSet: ReplicaSet;
  /** JSON patch of the deployment; undefined where its template is that one already. */
  readonly patch: readonly object[] | undefined;
}

const HASH_LABEL = "pod-template-hash";
/** What of a deployment's annotations is its own, not a revision's. */
const OWN_ANNOTATIONS = [
  LAST_APPLIED,
  REVISION,
  "deployment.kubernetes.io/revision-history",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "deprecated.deployment.rollback.to",
];

/** `toRevision` 0 is the one before the last. Throws `CommandError`. */
export function planUndo(
  deployment: Deployment,
  revisions: readonly (readonly [number, ReplicaSet])[],
  toRevision: number,
): UndoPlan {
  if (deployment.spec?.paused) {
    throw new CommandError(
      "you cannot rollback a paused deployment; resume it first with 'sagong rollout resume' and try again",
    );
  }
  const replicaSet = toRevision > 0 ? revisionAt(revisions, toRevision) : revisions.at(-2)?.[1];
  if (!replicaSet) {
    throw new CommandError(
      `no rollout history found for deployment "${deployment.metadata.name ?? ""}"`,
    );
  }
  const template = bare(replicaSet.spec?.template);
  if (equalTrees(template, bare(deployment.spec?.template))) {
    return { replicaSet, patch: undefined };
  }
  const replace = [
    { op: "replace", path: "/spec/template", value: template },
    // The object is there, whether or not it has annotations: add replaces as well.
    { op: "add", path: "/metadata/annotations", value: annotationsOf(deployment, replicaSet) },
  ];
  return { replicaSet, patch: replace };
}

export function skippedText(replicaSet: ReplicaSet): string {
  return `skipped rollback (current template already matches revision ${revisionOf(replicaSet)})`;
}

type Template = NonNullable<ReplicaSet["spec"]>["template"];

function bare(template: Template | undefined): Template | undefined {
  if (!template) return undefined;
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

function annotationsOf(deployment: Deployment, replicaSet: ReplicaSet): Record<string, string> {
  const isOwn = ([key]: [string, string]): boolean => OWN_ANNOTATIONS.includes(key);
  return Object.fromEntries([
    ...Object.entries(deployment.metadata.annotations ?? {}).filter(isOwn),
    ...Object.entries(replicaSet.metadata.annotations ?? {}).filter((entry) => !isOwn(entry)),
  ]);
}
