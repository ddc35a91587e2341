/** JSON merge patch (RFC 7386). */
import { isTree, type Tree } from "./json-tree.js";

export function mergePatch(document: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch;
  const result: Record<string, unknown> = isTree(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result satisfies Tree;
}
