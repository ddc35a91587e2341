import { decodeUtf8, fromHex } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { range } from "../apply/range.js";
import { MemoryBackend } from "../backend/memory-backend.js";
import { AppliedMark } from "../gen/store.js";
import { Lessor } from "../lease/lessor.js";
import { rangeRequest, StateFixture, text } from "../testing/state-fixture.js";
import { APPLIED_MARK_KEY, SPACE_BLOCK, SPACE_LEASE, SPACE_REVISION } from "./backend.js";
import { MvccStore } from "./mvcc-store.js";
import { StoreLoader } from "./open-store.js";
import { blockKey, revisionOfKey } from "./revision.js";
import { RevisionRuns } from "./revision-runs.js";

type Pairs = readonly (readonly [Uint8Array, Uint8Array])[];

const ALL = { rangeEnd: text("\0") };

function open(pairs: Pairs): { store: MvccStore; lessor: Lessor; backend: MemoryBackend } {
  const backend = new MemoryBackend();
  for (const [key, value] of pairs) backend.put(key, value);
  backend.commit();
  const [store, lessor] = [new MvccStore(backend), new Lessor()];
  const loader = new StoreLoader(store, lessor);
  loader.load(pairs);
  loader.finish();
  return { store, lessor, backend };
}

/** Every live pair at `revision`, as key=value@mod. */
function pairsAt(store: MvccStore, revision: number): string[] {
  return range(store, rangeRequest("\0", { ...ALL, revision })).kvs.map(
    (kv) => `${decodeUtf8(kv.key)}=${decodeUtf8(kv.value)}@${kv.modRevision}`,
  );
}

function hashOf(store: MvccStore): number {
  const steps = store.hash(0);
  let last = steps.next();
  while (!last.done) last = steps.next();
  return last.value.hash;
}

function mark(fixture: StateFixture): void {
  const { revision, compactRevision } = fixture.store;
  const leasesCheck = fixture.lessor.check;
  const bytes = AppliedMark.encode(AppliedMark.create({ revision, compactRevision, leasesCheck }));
  fixture.backend.put(APPLIED_MARK_KEY, bytes);
  fixture.backend.commit();
}

/** What a database would hold: the applied mark too. */
function markedPairs(fixture: StateFixture): Pairs {
  mark(fixture);
  return fixture.backend.pairs();
}

const withFive = (): StateFixture => {
  const fixture = new StateFixture();
  for (const key of ["a", "b", "c", "a", "b"]) {
    fixture.put(key, "1");
    fixture.backend.commit(); // So that each has a block of its own.
  }
  return fixture;
};

const isOf = (key: Uint8Array, revision: number): boolean =>
  key[0] === SPACE_BLOCK && revisionOfKey(key).main === revision;

describe("StoreLoader", () => {
  it.each([
    ["in the middle", 3, "revision 3 is missing, expected all from 2 to 6"],
    ["at the end", 6, "revision 6 is missing, expected all from 2 to 6"],
  ])("refuses a database that lacks a revision %s", (_where, revision, sentence) => {
    const pairs = markedPairs(withFive());
    const lost = pairs.filter(([key]) => !isOf(key, revision));
    expect(() => open(lost)).toThrow(`Cannot read the database: ${sentence}`);
    expect(() => open(pairs)).not.toThrow();
  });

  it("refuses a database that holds more than its mark says", () => {
    const fixture = withFive();
    const pairs = markedPairs(fixture);
    fixture.put("late", "1");
    expect(() => open([...pairs, ...fixture.backend.pairs().slice(-1)])).toThrow(
      "Cannot read the database: it holds revision 7, expected none after 6",
    );
  });

  it("refuses a database that lacks a block below the compacted revision, or a list of dead ones", () => {
    const fixture = withFive();
    fixture.delete("c");
    fixture.put("d", "1");
    const before = markedPairs(fixture);
    fixture.compact(fixture.store.revision);
    fixture.cleanUp();
    const pairs = markedPairs(fixture);
    expect(pairsAt(open(pairs).store, 0)).toEqual(["a=1@5", "b=1@6", "d=1@8"]);
    const sentence = "its blocks of versions are not those that were written: they add up to";
    const blocks = pairs.filter(([key]) => key[0] === SPACE_BLOCK);
    expect(blocks.length).toBeGreaterThan(1);
    for (const block of blocks) {
      expect(() => open(pairs.filter((pair) => pair !== block))).toThrow(sentence);
    }
    // One that was given up, and has come back.
    const old = before.filter(([key]) => isOf(key, 2));
    const both = [...old, ...pairs].toSorted(([x], [y]) => Buffer.compare(x, y));
    expect(old).toHaveLength(1);
    expect(() => open(both)).toThrow(sentence);
  });

  it("misses nothing that a compaction has removed", () => {
    const fixture = withFive();
    fixture.compact(5);
    fixture.cleanUp();
    expect(() => open(markedPairs(fixture))).not.toThrow();
    fixture.delete("a", "z");
    fixture.compact(7);
    fixture.cleanUp();
    expect(() => open(markedPairs(fixture))).not.toThrow();
  });

  it("misses nothing where a clean-up broke off on a disk that could not be read", () => {
    const fixture = new StateFixture();
    const { backend } = fixture;
    backend.isGathering = true;
    for (const key of ["a", "b", "b", "c", "d"]) fixture.put(key, "1");
    fixture.compact(6);
    mark(fixture);
    backend.write();
    fixture.cleanUp(); // A list of what is dead is on disk now, and read by the next one.
    fixture.put("b", "latest");
    fixture.compact(7);
    mark(fixture);
    backend.get = () => {
      throw new Error("EIO");
    };
    expect(() => fixture.cleanUp()).toThrow("EIO");
    // What was committed before goes to disk all the same, and the member ends.
    backend.write();
    expect(pairsAt(open(backend.written()).store, 7)).toEqual([
      "a=1@2",
      "b=latest@7",
      "c=1@5",
      "d=1@6",
    ]);
  });

  it("says which version of which block is damaged, wherever a byte has changed", () => {
    const fixture = new StateFixture();
    for (const key of ["a", "b", "c"]) fixture.put(key, "value");
    const pairs = markedPairs(fixture);
    const at = pairs.findIndex(([key]) => key[0] === SPACE_BLOCK);
    const [key, block] = pairs[at] ?? [new Uint8Array(0), new Uint8Array(0)];
    const sentences = new Set<string>();
    for (let i = 0; i < block.length; i++) {
      const damaged = Uint8Array.from(block);
      damaged[i] = (damaged[i] ?? 0) ^ 0x10;
      try {
        open(pairs.with(at, [key, damaged]));
        sentences.add(`byte ${i} is taken as it is`);
      } catch (error) {
        sentences.add(String(error).replaceAll(/checksum \w+, expected \w+/g, "checksum"));
      }
    }
    const prefix = "DamagedDatabaseError: Cannot read the database: the block at revision 2.0 is";
    expect([...sentences].filter((sentence) => !sentence.includes("it says"))).toEqual([
      ...[2, 3, 4].map((revision) => `${prefix} damaged: revision ${revision}.0 has checksum`),
      `${prefix} damaged: checksum`,
    ]);
  });

  it("refuses a block that lies at another's place", () => {
    const pairs = markedPairs(withFive()).map(([key, value]) => {
      return [isOf(key, 3) ? blockKey(4, 0) : isOf(key, 4) ? blockKey(3, 0) : key, value] as const;
    });
    expect(() => open(pairs)).toThrow("the block at revision 4.0 is damaged: checksum");
  });

  it("refuses a damaged list of dead versions", () => {
    const fixture = new StateFixture();
    for (const key of ["a", "a", "b", "c", "d", "e"]) fixture.put(key, "1");
    fixture.compact(6);
    fixture.cleanUp();
    const pairs = markedPairs(fixture).map(([key, value]) => {
      return [key, isOf(key, 2) && key.at(-1) === 0 ? value.with(0, 1) : value] as const;
    });
    expect(() => open(pairs)).toThrow(
      "the list of dead versions in the block at revision 2.0 is damaged",
    );
  });
});

/**
 * Made by the version that wrote one pair a version: puts of b, a, c, b, d and "leased" (lease 9), c
 * deleted and put again, a to b deleted; compacted at 8, the clean-up half done.
 */
const OLD_LAYOUT: readonly (readonly [key: string, value: string])[] = [
  ["6c0000000000000009", "0809103c"],
  ["6d61", "080c1002180a2008"],
  ["72000000000000000300000000", "0a01611003180320012a03612d33"],
  ["72000000000000000400000000", "0a01631004180420012a03632d34"],
  ["72000000000000000500000000", "0a01621002180520022a03622d35"],
  ["72000000000000000600000000", "0a01641006180620012a03642d36"],
  ["72000000000000000700000000", "0a066c65617365641007180720012a01783009"],
  ["72000000000000000800000000", "0a01631808"],
  ["72000000000000000900000000", "0a01631009180920012a05616761696e"],
  ["72000000000000000a00000000", "0a0161180a"],
  ["72000000000000000a00000001", "0a0162180a"],
];
/** Of these pairs in order of revisions; what moves them into blocks must not change it. */
const HASH = 1_090_808_616;

describe("a database of one pair a version", () => {
  const pairs: Pairs = OLD_LAYOUT.map(([key, value]) => {
    return [fromHex(key) ?? new Uint8Array(0), fromHex(value) ?? new Uint8Array(0)];
  });

  it("is read as it was, to the hash", () => {
    const { store, lessor } = open(pairs);
    expect(hashOf(store)).toBe(HASH);
    expect(pairsAt(store, 8)).toEqual(["a=a-3@3", "b=b-5@5", "d=d-6@6", "leased=x@7"]);
    expect(pairsAt(store, 0)).toEqual(["c=again@9", "d=d-6@6", "leased=x@7"]);
    expect(lessor.get(9n)?.keys).toEqual(new Set(["leased"]));
  });

  it("goes over into blocks, and is the same at every stage of that", () => {
    const { store, backend } = open(pairs);
    const before = [pairsAt(store, 8), pairsAt(store, 0)];
    for (let i = 0; i < 60; i++) {
      store.put(`later ${i % 20}`, { value: text("v"), lease: 0n });
      store.endTransaction();
      backend.put(APPLIED_MARK_KEY, markOf(store));
      backend.commit();
    }
    const hash = hashOf(store);
    for (let done = false; !done;) {
      done = store.compactStep(1);
      backend.commit();
      const again = open(backend.written()).store;
      expect(hashOf(again)).toBe(hash);
      expect(pairsAt(again, 8)).toEqual(before[0]);
    }
    // One that stands alone between others may stay as it is.
    const left = backend.written().filter(([key]) => key[0] === SPACE_REVISION);
    expect(left.length).toBeLessThan(2);
    expect(pairsAt(store, 10)).toEqual(before[1]);
  });

  it("finds that a lease is missing, or one that was revoked is still there", () => {
    const fixture = withFive();
    fixture.grant(7n, 60);
    const before = fixture.backend.pairs().filter(([key]) => key[0] === SPACE_LEASE);
    fixture.grant(8n, 60);
    const whole = markedPairs(fixture);
    expect(open(whole).lessor.size).toBe(2);
    const without = whole.filter(([key]) => key[0] !== SPACE_LEASE);
    expect(() => open(without)).toThrow("it holds 0 leases that are not those of its applied mark");
    fixture.apply({ kind: "leaseRevoke", value: { id: 7n, expiredInTerm: 0 } });
    const revoked = markedPairs(fixture);
    expect(open(revoked).lessor.size).toBe(1);
    expect(() => open([...before, ...revoked])).toThrow("it holds 2 leases");
  });

  it("says which pair cannot be read", () => {
    const damaged = pairs.map(([key, value]) => {
      const isThird = key[0] === SPACE_REVISION && revisionOfKey(key).main === 3;
      return [key, isThird ? Uint8Array.of(0x0a, 0x7f) : value] as const;
    });
    expect(() => open(damaged)).toThrow(
      "Cannot read the database: revision 3.0: a key of 127 bytes passes the end of its pair",
    );
  });

  function markOf({ revision, compactRevision }: MvccStore): Uint8Array {
    return AppliedMark.encode(AppliedMark.create({ revision, compactRevision }));
  }
});

describe("a crash", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ put: key, bytes: fc.constantFrom(1, 50, 6_000) }) },
    { weight: 3, arbitrary: fc.record({ remove: key, end: fc.constantFrom("", "\0", "d") }) },
    { weight: 1, arbitrary: fc.record({ compact: fc.nat(4) }) },
    { weight: 3, arbitrary: fc.record({ cleanUp: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 2, arbitrary: fc.constant("write" as const) },
    { weight: 1, arbitrary: fc.constant("restart" as const) },
  );

  it("at any moment leaves what was written last, wherever the clean-up stood", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let fixture = new StateFixture();
        fixture.backend.isGathering = true;
        /** What is there at each revision, and the hash as of each write. */
        const states = new Map<number, string[]>([[1, []]]);
        mark(fixture);
        fixture.backend.write();
        for (const one of steps) {
          if (one === "write") fixture.backend.write();
          else if (one === "restart") fixture = reopened(fixture.backend.written());
          else if ("put" in one) fixture.put(one.put, "v".repeat(one.bytes));
          else if ("remove" in one) fixture.delete(one.remove, one.end);
          else if ("compact" in one) fixture.compact(fixture.store.revision - one.compact);
          else if ("cleanUp" in one) fixture.store.compactStep(one.cleanUp);
          mark(fixture);
          states.set(fixture.store.revision, pairsAt(fixture.store, 0));
          const { store } = reopened(fixture.backend.written());
          for (let r = Math.max(1, store.compactRevision); r <= store.revision; r++) {
            expect(pairsAt(store, r)).toEqual(states.get(r));
          }
          // The hash is of revision and compaction alone: once all is written it must be the same.
          if (one !== "write") continue;
          fixture.backend.write();
          const twin = reopened(fixture.backend.written());
          expect(twin.hash()).toBe(fixture.hash());
        }
      }),
      { numRuns: 60 },
    );
  });

  /** A fixture that goes on from what a crash left. */
  function reopened(pairs: Pairs): StateFixture {
    const fixture = new StateFixture();
    for (const [name, value] of pairs) fixture.backend.put(name, value);
    fixture.backend.commit();
    fixture.backend.isGathering = true;
    const loader = new StoreLoader(fixture.store, fixture.lessor);
    loader.load(pairs);
    loader.finish();
    return fixture;
  }
});

describe("RevisionRuns", () => {
  it("names the highest that did not come, in whatever order the others did", () => {
    const revisions = fc.uniqueArray(fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(revisions, fc.nat(30), fc.nat(30), (came, from, to) => {
        const runs = new RevisionRuns();
        for (const revision of came) runs.add(revision);
        const missing: number[] = [];
        for (let r = from; r <= to; r++) if (!came.includes(r)) missing.push(r);
        expect(runs.missing(from, to)).toBe(missing.at(-1));
        expect(runs.last).toBe(Math.max(0, ...came));
      }),
    );
  });
});
