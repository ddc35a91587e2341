/** JSON merge patch (RFC 7386). */
import { equalTrees, isTree, type Tree } from "./json-tree.js";

export function mergePatch(document: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch;
  const result: Record<string, unknown> = isTree(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result satisfies Tree;
}

/**
 * The patch that makes `after` of `before`, with null for what is gone; undefined where there is no
 * difference. A field that is undefined counts as absent.
 */
export function mergePatchBetween(before: unknown, after: unknown): unknown {
  if (!isTree(before) || !isTree(after)) return equalTrees(before, after) ? undefined : after;
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const change = before[key] === undefined ? value : mergePatchBetween(before[key], value);
    if (change !== undefined) patch[key] = change;
  }
  for (const [key, value] of Object.entries(before)) {
    if (value !== undefined && after[key] === undefined) patch[key] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
