/**
 * sorted-btree under one name. It is a CommonJS module, whose class Node finds one `default` deeper
 * than its types say.
 */
import * as sortedBTree from "sorted-btree";
import type BTreeClass from "sorted-btree";

type Constructor = typeof BTreeClass.default;

function constructorOf(module: unknown): Constructor {
  const first = (module as { default: unknown }).default; // Every ES namespace of a CommonJS module.
  const inner = (first as { default?: unknown }).default ?? first; // The class, wrapped or not.
  return inner as Constructor;
}

export const BTree: Constructor = constructorOf(sortedBTree);
