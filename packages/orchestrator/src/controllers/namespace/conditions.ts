/** What a namespace that is being deleted says of what is left in it, in upstream's words. Pure. */
import type { NamespaceCondition } from "../../api/gen/core-v1.js";
import { type KubeObject, type Resource } from "../../api/resource.js";
import { timeText } from "../../api/meta/time-text.js";

export interface Content {
  /** What was there when it was last looked at, resource by resource. */
  readonly left: { readonly resource: Resource; readonly items: readonly KubeObject[] }[];
  readonly failures: string[];
}

type Words = Pick<NamespaceCondition, "status" | "reason" | "message">;

/** The conditions of others stay. */
export function contentConditions(
  before: readonly NamespaceCondition[],
  { left, failures }: Content,
  nowMs: number,
): NamespaceCondition[] {
  const wanted = new Map<string, Words>([
    ["NamespaceDeletionDiscoveryFailure", DISCOVERED],
    ["NamespaceDeletionGroupVersionParsingFailure", PARSED],
    ["NamespaceDeletionContentFailure", failures.length === 0 ? DELETED : failed(failures)],
    ["NamespaceContentRemaining", left.length === 0 ? REMOVED : remaining(left)],
    ["NamespaceFinalizersRemaining", finalizers(left)],
  ]);
  const now = timeText(nowMs);
  const own = [...wanted].map(([type, words]): NamespaceCondition => {
    const old = before.find((one) => one.type === type);
    const since = old?.status === words.status ? (old.lastTransitionTime ?? now) : now;
    return { type, ...words, lastTransitionTime: since };
  });
  return [...before.filter(({ type }) => !wanted.has(type)), ...own];
}

const DISCOVERED: Words = {
  status: "False",
  reason: "ResourcesDiscovered",
  message: "All resources successfully discovered",
};
const PARSED: Words = {
  status: "False",
  reason: "ParsedGroupVersions",
  message: "All legacy kube types successfully parsed",
};
const DELETED: Words = {
  status: "False",
  reason: "ContentDeleted",
  message: "All content successfully deleted, may be waiting on finalization",
};
const REMOVED: Words = {
  status: "False",
  reason: "ContentRemoved",
  message: "All content successfully removed",
};
const NO_FINALIZERS: Words = {
  status: "False",
  reason: "ContentHasNoFinalizers",
  message: "All content-preserving finalizers finished",
};

function failed(failures: readonly string[]): Words {
  return {
    status: "True",
    reason: "ContentDeletionFailed",
    message: `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(", ")}`,
  };
}

function remaining(left: Content["left"]): Words {
  const counts = left.map(({ resource, items }) => {
    const name =
      resource.group === "" ? `${resource.resource}.` : `${resource.resource}.${resource.group}`;
    return `${name} has ${items.length} resource instances`;
  });
  return {
    status: "True",
    reason: "SomeResourcesRemain",
    message: `Some resources are remaining: ${counts.toSorted().join(", ")}`,
  };
}

function finalizers(left: Content["left"]): Words {
  const counts = new Map<string, number>();
  for (const { items } of left) {
    for (const finalizer of items.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
      counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return NO_FINALIZERS;
  const texts = [...counts].map(([name, count]) => `${name} in ${count} resource instances`);
  return {
    status: "True",
    reason: "SomeFinalizersRemain",
    message: `Some content in the namespace has finalizers remaining: ${texts.toSorted().join(", ")}`,
  };
}
