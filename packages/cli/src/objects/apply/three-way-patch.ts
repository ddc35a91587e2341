/**
 * What `apply` sends: the patch that makes the live object what the manifest now says, and removes
 * what the manifest said last time and says no more. Everything else of the live object (defaults,
 * status, what other writers set) is left as it is.
 *
 *   last applied ──┐ what it had and the manifest has not: removed
 *   manifest ──────┤ what it has and the live object has not, or has otherwise: set
 *   live object ───┘
 *
 * With a schema type the patch is a strategic one, where lists merge by the keys that the schema
 * names (SMP documentation, kubernetes/community sig-api-machinery/strategic-merge-patch.md); without
 * one it is a JSON merge patch, where lists are replaced as a whole. Pure.
 */
import {
  equalTrees,
  type FieldFacts,
  isTree,
  type Schema,
  type Tree,
  type TypeRef,
} from "@sagong/orchestrator/api";

export interface ThreeWay {
  /** The last applied manifest; left out where it was never applied. */
  readonly original: unknown;
  /** The manifest as it is now, with the annotation that records it. */
  readonly modified: unknown;
  /** The live object. */
  readonly current: unknown;
}

/** Undefined where there is nothing to change. `typeName` is left out for kinds without a schema. */
export function threeWayPatch(
  versions: ThreeWay,
  strategic?: { readonly schema: Schema; readonly typeName: string },
): Tree | undefined {
  const differ = new Differ(strategic?.schema);
  const patch = differ.tree(strategic?.typeName, versions);
  return Object.keys(patch).length === 0 ? undefined : patch;
}

type Item = Readonly<Record<string, unknown>>;

class Differ {
  readonly #schema: Schema | undefined;

  constructor(schema: Schema | undefined) {
    this.#schema = schema;
  }

  /** The patch of one map; without fields where nothing changes. */
  tree(type: TypeRef | undefined, { original, modified, current }: ThreeWay): Tree {
    const before = isTree(original) ? original : {};
    const after = isTree(modified) ? modified : {};
    const live = isTree(current) ? current : {};
    const patch: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(after)) {
      if (value === undefined) continue;
      const versions = { original: before[key], modified: value, current: live[key] };
      this.#field(patch, key, { facts: this.#factsOf(type, key), ...versions });
    }
    for (const key of Object.keys(before)) {
      if (after[key] === undefined && live[key] !== undefined) patch[key] = null;
    }
    return patch;
  }

  #field(
    patch: Record<string, unknown>,
    key: string,
    { facts, ...versions }: ThreeWay & { readonly facts: FieldFacts | undefined },
  ): void {
    const { modified, current } = versions;
    if (modified === null) {
      if (current !== undefined) patch[key] = null;
    } else if (current === undefined || current === null) {
      patch[key] = modified;
    } else if (isTree(modified) && isTree(current)) {
      const inner = this.#map(facts, { ...versions, modified, current });
      if (inner) patch[key] = inner;
    } else if (Array.isArray(modified) && Array.isArray(current) && merges(facts)) {
      this.#list(patch, key, { ...versions, facts, modified, current });
    } else if (!equalTrees(modified, current)) patch[key] = modified;
  }

  #map(
    facts: FieldFacts | undefined,
    versions: { readonly original: unknown; readonly modified: Tree; readonly current: Tree },
  ): Tree | undefined {
    const { modified, current } = versions;
    if (facts && strategyOf(facts, "replace")) {
      return equalTrees(modified, current) ? undefined : { $patch: "replace", ...modified };
    }
    const inner = this.tree(facts?.type, versions);
    const retained = facts !== undefined && strategyOf(facts, "retainKeys");
    if (Object.keys(inner).length === 0) return undefined;
    return retained ? { $retainKeys: Object.keys(modified).toSorted(), ...inner } : inner;
  }

  #list(patch: Record<string, unknown>, key: string, list: ListVersions): void {
    const { facts, modified, current } = list;
    const mergeKey = facts?.patchMergeKey;
    const original: readonly unknown[] = Array.isArray(list.original) ? list.original : [];
    if (mergeKey === undefined) {
      this.#primitives(patch, key, { original, modified, current });
      return;
    }
    if (!areKeyed(modified, mergeKey)) {
      // As it is: the server refuses what has no key, and says which.
      if (!equalTrees(modified, current)) patch[key] = modified;
      return;
    }
    if (hasTwins(modified, mergeKey) || hasTwins(current, mergeKey)) {
      // Items that share a key (ports 53/TCP and 53/UDP) can only be replaced together.
      const same =
        modified.length === current.length &&
        modified.every((item, at) => this.#isWithin(facts, item, current[at]));
      if (!same) patch[key] = [{ $patch: "replace" }, ...modified];
      return;
    }
    this.#keyed(patch, key, { facts, mergeKey, original, modified, current });
  }

  #keyed(patch: Record<string, unknown>, key: string, list: KeyedLists): void {
    const { facts, mergeKey, modified, current } = list;
    const find = (items: readonly unknown[], value: unknown): Item | undefined =>
      items.filter(isTree).find((item) => item[mergeKey] === value);
    const changes: Tree[] = [];
    for (const item of modified) {
      const value = item[mergeKey];
      const live = find(current, value);
      if (!live) {
        changes.push(item);
        continue;
      }
      const original = find(list.original, value);
      const inner = this.#map(itemFacts(facts), { original, modified: item, current: live });
      if (inner) changes.push({ ...inner, [mergeKey]: value });
    }
    for (const item of list.original.filter(isTree)) {
      const value = item[mergeKey];
      if (!find(modified, value) && find(current, value)) {
        changes.push({ $patch: "delete", [mergeKey]: value });
      }
    }
    const wanted = modified.map((item) => item[mergeKey]);
    const present = current.filter(isTree).map((item) => item[mergeKey]);
    if (changes.length > 0) patch[key] = changes;
    if (changes.length > 0 || !isOrdered(wanted, present)) {
      patch[`$setElementOrder/${key}`] = wanted.map((value) => ({ [mergeKey]: value }));
    }
  }

  #primitives(
    patch: Record<string, unknown>,
    key: string,
    lists: {
      readonly original: readonly unknown[];
      readonly modified: readonly unknown[];
      readonly current: readonly unknown[];
    },
  ): void {
    const { original, modified, current } = lists;
    const added = modified.filter((item) => !current.includes(item));
    const removed = original.filter((item) => !modified.includes(item) && current.includes(item));
    if (added.length > 0) patch[key] = added;
    if (removed.length > 0) patch[`$deleteFromPrimitiveList/${key}`] = removed;
    if (added.length > 0 || removed.length > 0 || !isOrdered(modified, current)) {
      patch[`$setElementOrder/${key}`] = modified;
    }
  }

  /** Whether the live item already has everything that the manifest says of it. */
  #isWithin(facts: FieldFacts | undefined, modified: unknown, current: unknown): boolean {
    const versions = { original: undefined, modified, current };
    return Object.keys(this.tree(itemTypeOf(facts), versions)).length === 0;
  }

  #factsOf(type: TypeRef | undefined, key: string): FieldFacts | undefined {
    if (!this.#schema || type === undefined) return undefined;
    if (typeof type === "string") return this.#schema.typeOf(type)?.fields?.[key];
    return "*" in type ? { type: type["*"] } : undefined;
  }
}

interface ListVersions {
  readonly facts: FieldFacts | undefined;
  readonly original: unknown;
  readonly modified: readonly unknown[];
  readonly current: readonly unknown[];
}

interface KeyedLists {
  readonly facts: FieldFacts | undefined;
  readonly mergeKey: string;
  readonly original: readonly unknown[];
  readonly modified: readonly Item[];
  readonly current: readonly unknown[];
}

function strategyOf(facts: FieldFacts, strategy: "merge" | "replace" | "retainKeys"): boolean {
  return facts.patchStrategy?.split(",").includes(strategy) ?? false;
}

function merges(facts: FieldFacts | undefined): boolean {
  return facts !== undefined && strategyOf(facts, "merge");
}

function itemTypeOf(facts: FieldFacts | undefined): TypeRef | undefined {
  const type = facts?.type;
  return typeof type === "object" && 0 in type ? type[0] : undefined;
}

/** Items keep their list's strategy: `merge,retainKeys` retains the keys of each item. */
function itemFacts(facts: FieldFacts | undefined): FieldFacts | undefined {
  const type = itemTypeOf(facts);
  if (!facts || type === undefined) return undefined;
  return strategyOf(facts, "retainKeys") ? { type, patchStrategy: "retainKeys" } : { type };
}

function areKeyed(items: readonly unknown[], mergeKey: string): items is readonly Item[] {
  return items.every((item) => isTree(item) && item[mergeKey] !== undefined);
}

function hasTwins(items: readonly unknown[], mergeKey: string): boolean {
  const keys = items.filter(isTree).map((item) => item[mergeKey]);
  return new Set(keys).size < keys.length;
}

/** Whether those of `wanted` that are present stand in the order that is wanted. */
function isOrdered(wanted: readonly unknown[], present: readonly unknown[]): boolean {
  const common = wanted.filter((value) => present.includes(value));
  const found = present.filter((value) => wanted.includes(value));
  return common.every((value, at) => value === found[at]);
}
