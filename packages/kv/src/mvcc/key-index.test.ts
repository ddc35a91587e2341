import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyHistory } from "./key-history.js";
import { KeyIndex } from "./key-index.js";
import { hashOfBytes, hashOfText } from "./key-hash.js";
import { KeyTable } from "./key-table.js";
import { KeyTree } from "./key-tree.js";
import { fromBinaryString } from "./binary-string.js";
import { sortHistories } from "./sort-histories.js";

/** Keys with long common beginnings, as a store has them, and some that end within others. */
const key = fc
  .tuple(fc.constantFrom("", "/registry/", "/registry/pods/default/"), fc.string({ maxLength: 4 }))
  .map(([prefix, rest]) => prefix + rest);
const keys = fc.uniqueArray(key, { maxLength: 400 });

const historyOf = (name: string, main = 2): KeyHistory => {
  const history = new KeyHistory(name);
  history.put(main, 0);
  return history;
};

function namesFrom(index: KeyIndex, start: string, end?: string): string[] {
  const names: string[] = [];
  index.forEach({ start, end }, (name) => void names.push(name));
  return names;
}

describe("sortHistories()", () => {
  it("sorts as the order of bytes has it", () => {
    fc.assert(
      fc.property(keys, (names) => {
        const histories = names.map((name) => historyOf(name));
        sortHistories(histories);
        expect(histories.map((history) => history.key)).toEqual(names.toSorted());
      }),
    );
  });

  it("sorts keys that many writers wrote nearly in order", () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `key ${String(i).padStart(6, "0")}`);
    const histories = names.map((_, i) => historyOf(names[i ^ 37] ?? `other ${i}`));
    const expected = histories.map(({ key }) => key).toSorted();
    sortHistories(histories);
    expect(histories.map((history) => history.key)).toEqual(expected);
  });

  it("sorts many keys of a few, long beginnings", () => {
    const names = Array.from({ length: 5_000 }, (_, i) => {
      return `/registry/pods/namespace-${i % 7}/${"x".repeat(100)}-${(i * 7_919) % 5_000}`;
    });
    const histories = names.map((name) => historyOf(name));
    sortHistories(histories);
    expect(histories.map((history) => history.key)).toEqual(names.toSorted());
  });
});

describe("KeyTable", () => {
  it("hashes a key the same as text and as bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(hashOfBytes(bytes)).toBe(hashOfText(String.fromCharCode(...bytes)));
      }),
    );
  });

  it("finds what is in it and nothing else, through growth and removals", () => {
    const table = new KeyTable();
    const all = Array.from({ length: 30_000 }, (_, i) => historyOf(`key ${i}`));
    for (const history of all) table.add(history);
    for (const [i, history] of all.entries()) if (i % 3 !== 0) table.delete(history);
    for (const [i, history] of all.entries()) {
      const expected = i % 3 === 0 ? history : undefined;
      expect(table.get(history.key)).toBe(expected);
      const bytes = fromBinaryString(`..${history.key}.`);
      const range = { start: 2, end: bytes.length - 1 };
      const hash = hashOfBytes(bytes, range.start, range.end);
      expect(table.find(bytes, range, hash)).toBe(expected);
    }
  });

  it("does not know where too many keys have one hash, instead of looking long", () => {
    const table = new KeyTable();
    const meeting = Array.from({ length: 100 }, (_, i) => historyOf(`key ${i}`));
    for (const history of meeting) {
      Object.defineProperty(history, "hash", { value: hashOfText("key 0") });
      table.add(history);
    }
    expect(table.get("key 0")).toBe(meeting[0]);
    Object.defineProperty(meeting[0], "hash", { value: 0 });
    expect(table.get("key 0")).toBe("unknown");
  });
});

describe("KeyTree", () => {
  it("keeps order and counts through any additions and removals", () => {
    fc.assert(
      fc.property(keys, fc.array(fc.nat(399)), key, (names, removals, bound) => {
        const tree = new KeyTree();
        const histories = new Map(names.map((name) => [name, historyOf(name)]));
        for (const history of histories.values()) tree.add(history);
        for (const at of removals) {
          const history = histories.get(names[at] ?? "");
          if (!history) continue;
          if (at % 2 === 0) {
            tree.remove(history);
            histories.delete(history.key);
          } else if (!history.isDeleted) {
            tree.addLive(history.key, -1);
            history.delete(3, 0);
          }
        }
        const expected = [...histories.keys()].toSorted();
        const seen: string[] = [];
        tree.forEachFrom("", (history) => seen.push(history.key) < 0);
        expect(seen).toEqual(expected);
        expect(tree.size).toBe(expected.length);
        const live = expected.filter((name) => histories.get(name)?.isDeleted === false);
        expect(tree.liveBefore(undefined)).toBe(live.length);
        expect(tree.liveBefore(bound)).toBe(live.filter((name) => name < bound).length);
        for (const name of names) expect(tree.get(name)).toBe(histories.get(name));
      }),
    );
  });

  it("is the same tree of sorted keys at once as one by one, and gives back what is removed", () => {
    const histories = Array.from({ length: 20_000 }, (_, i) =>
      historyOf(String(i).padStart(6, "0")),
    );
    const tree = new KeyTree();
    tree.fill(histories);
    expect(tree.liveBefore("010000")).toBe(10_000);
    const extra = histories.map(({ key: name }) => historyOf(`${name}+`));
    for (const history of extra) tree.add(history);
    expect(tree.liveBefore("010000")).toBe(20_000);
    for (const history of histories) tree.remove(history);
    const seen: KeyHistory[] = [];
    tree.forEachFrom("", (history) => seen.push(history) < 0);
    expect(seen).toEqual(extra);
    for (const history of extra) tree.remove(history);
    expect(tree.size).toBe(0);
    expect(tree.liveBefore(undefined)).toBe(0);
  });
});

describe("KeyIndex", () => {
  it("finds and counts as a plain map of keys would, before and after a restart", () => {
    const change = fc.tuple(key, fc.constantFrom("put", "delete", "remove"));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), key, key, (changes, start, end) => {
        const index = new KeyIndex();
        const model = new Map<string, boolean>();
        for (const [i, [name, kind]] of changes.entries()) {
          const place = { main: i + 2, sub: 0 };
          const history = index.get(name);
          if (kind === "put") {
            index.put(name, place);
            model.set(name, true);
          } else if (kind === "delete" && model.get(name) === true && history) {
            index.markDeleted(history, place);
            model.set(name, false);
          } else if (kind === "remove" && model.get(name) === false && history) {
            index.remove(history);
            model.delete(name);
          }
        }
        const inRange = [...model.keys()].toSorted().filter((name) => name >= start && name < end);
        const restarted = new KeyIndex();
        index.forEach({ start: "", end: undefined }, (name, history) => {
          const at = history.count - 1;
          const version = history.isDeleted ? 0 : history.version;
          const bytes = fromBinaryString(name);
          restarted
            .restore(bytes, { start: 0, end: bytes.length })
            .restore(
              { main: history.mainAt(at), sub: 0 },
              { version, createRevision: history.created },
            );
        });
        restarted.finishRestore();
        for (const one of [index, restarted]) {
          expect(namesFrom(one, start, end)).toEqual(inRange);
          expect(one.countLive({ start, end })).toBe(
            inRange.filter((name) => model.get(name)).length,
          );
          expect(one.size).toBe(model.size);
          for (const name of model.keys()) {
            expect(one.get(name)?.key).toBe(name);
            expect(one.textOf(fromBinaryString(name))).toBe(name);
          }
        }
      }),
    );
  });
});
