import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains, type KeyRange } from "../mvcc/key-index.js";
import { IntervalTree } from "./interval-tree.js";

const name = (range: KeyRange): string => `${range.start}:${range.end ?? "∞"}`;

describe("IntervalTree", () => {
  it("has an entry for each range, and finds it by its range alone", () => {
    const tree = new IntervalTree<number>();
    tree.insert({ start: "a", end: "b" }, 1);
    tree.insert({ start: "a", end: undefined }, 2);
    expect(tree.get({ start: "a", end: "b" })).toBe(1);
    expect(tree.get({ start: "a", end: undefined })).toBe(2);
    expect(tree.get({ start: "a", end: "c" })).toBeUndefined();
    tree.delete({ start: "a", end: "c" });
    expect(tree.size).toBe(2);
    tree.delete({ start: "a", end: undefined });
    expect(tree.get({ start: "a", end: undefined })).toBeUndefined();
    expect(tree.get({ start: "a", end: "b" })).toBe(1);
  });

  it("finds what a scan of all ranges finds, whatever was inserted and deleted", () => {
    const key = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 3 });
    const range = fc.record({ start: key, end: fc.option(key, { nil: undefined }) });
    const step = fc.record({ range, isDelete: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), fc.array(key), (steps, keys) => {
        const tree = new IntervalTree<string>();
        const plain = new Map<string, KeyRange>();
        for (const { range: one, isDelete } of steps) {
          const isThere = plain.has(name(one));
          if (isDelete) {
            tree.delete(one);
            plain.delete(name(one));
          } else if (!isThere) {
            tree.insert(one, name(one));
            plain.set(name(one), one);
          }
        }
        expect(tree.size).toBe(plain.size);
        for (const asked of keys) {
          const found: string[] = [];
          tree.forEachAt(asked, (value) => found.push(value));
          const wanted = [...plain.values()].filter((one) => contains(one, asked)).map(name);
          expect(found.toSorted()).toEqual(wanted.toSorted());
        }
        const all: string[] = [];
        tree.forEach((value) => all.push(value));
        expect(all.toSorted()).toEqual([...plain.keys()].toSorted());
      }),
      { numRuns: 100 },
    );
  });

  it("looks at few of thousands of prefixes", () => {
    const tree = new IntervalTree<number>();
    for (let i = 0; i < 5_000; i++) {
      const start = `/registry/${String(i).padStart(5, "0")}/`;
      tree.insert({ start, end: `${start.slice(0, -1)}0` }, i);
    }
    const found: number[] = [];
    for (let i = 0; i < 5_000; i++) {
      tree.forEachAt(`/registry/${String(i).padStart(5, "0")}/x`, (value) => found.push(value));
    }
    expect(found).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
  });
});
