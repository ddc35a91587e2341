import { decodeUtf8 } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { range } from "../apply/range.js";
import { Lessor } from "../lease/lessor.js";
import { rangeRequest, StateFixture, text } from "../testing/state-fixture.js";
import { AppliedMark } from "../gen/store.js";
import { APPLIED_MARK_KEY } from "./backend.js";
import { MvccStore } from "./mvcc-store.js";
import { StoreLoader } from "./open-store.js";

const ALL = { rangeEnd: text("\0") };

/** Every live pair at `revision`, as key=value@mod. */
function pairsAt(store: MvccStore, revision: number): string[] {
  return range(store, rangeRequest("\0", { ...ALL, revision })).kvs.map(
    (kv) => `${decodeUtf8(kv.key)}=${decodeUtf8(kv.value)}@${kv.modRevision}`,
  );
}

type Step =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string; readonly end: string }
  | { readonly kind: "compact"; readonly back: number };

const key = fc.constantFrom("a", "b", "c", "d", "e");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("put"), key, value: fc.string({ maxLength: 3 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("delete"), key, end: fc.constantFrom("", "\0", "d") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("compact"), back: fc.nat(5) }) },
);

function run(fixture: StateFixture, { kind, ...args }: Step): void {
  if (kind === "put" && "value" in args) fixture.put(args.key, args.value);
  else if (kind === "delete" && "end" in args) fixture.delete(args.key, args.end);
  else if (kind === "compact" && "back" in args)
    fixture.compact(fixture.store.revision - args.back);
}

/** What a database would hold: the applied mark too. */
function markedPairs({ store, backend }: StateFixture): (readonly [Uint8Array, Uint8Array])[] {
  const { revision, compactRevision } = store;
  const mark = AppliedMark.encode(AppliedMark.create({ revision, compactRevision }));
  return [[APPLIED_MARK_KEY, mark], ...backend.pairs()];
}

describe("MvccStore", () => {
  it("starts at revision 1, and only changes move it", () => {
    const fixture = new StateFixture();
    expect(fixture.store.revision).toBe(1);
    fixture.delete("missing");
    expect(fixture.store.revision).toBe(1);
    fixture.put("a", "1");
    expect(fixture.store.revision).toBe(2);
  });

  it("versions restart after a delete, with a new create revision", () => {
    const fixture = new StateFixture();
    for (const value of ["1", "2"]) fixture.put("a", value);
    expect(fixture.store.get("a")).toMatchObject({ version: 2, createRevision: 2, modRevision: 3 });
    fixture.delete("a");
    fixture.put("a", "3");
    expect(fixture.store.get("a")).toMatchObject({ version: 1, createRevision: 5, modRevision: 5 });
    expect(fixture.store.get("a", 3)).toMatchObject({ version: 2, createRevision: 2 });
    expect(fixture.store.get("a", 4)).toBeUndefined();
  });

  it("reads at the compacted revision, not below it, not in the future", () => {
    const fixture = new StateFixture();
    for (const value of ["1", "2", "3"]) fixture.put("a", value);
    fixture.compact(3);
    expect(pairsAt(fixture.store, 3)).toEqual(["a=2@3"]);
    expect(() => pairsAt(fixture.store, 2)).toThrow("mvcc: required revision has been compacted");
    expect(() => pairsAt(fixture.store, 9)).toThrow("mvcc: required revision is a future revision");
    expect(fixture.compact(3)).toMatchObject({ error: { code: "compacted" } });
    expect(fixture.compact(9)).toMatchObject({ error: { code: "futureRevision" } });
  });

  it("gives every kept revision as a plain copy of all states would", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fixture = new StateFixture();
        const states = new Map<number, string[]>();
        for (const one of steps) {
          run(fixture, one);
          states.set(fixture.store.revision, pairsAt(fixture.store, 0));
          if (fixture.store.isCompacting && steps.length % 2 === 0) fixture.cleanUp();
          for (
            let r = Math.max(2, fixture.store.compactRevision);
            r <= fixture.store.revision;
            r++
          ) {
            expect(pairsAt(fixture.store, r)).toEqual(states.get(r));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("hashes the same whether or not the clean-up has run, and after a restart", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [eager, lazy] = [new StateFixture(), new StateFixture()];
        for (const one of steps) {
          run(eager, one);
          run(lazy, one);
          eager.cleanUp(1);
        }
        const hash = eager.hash();
        expect(lazy.hash()).toBe(hash);
        const restarted = new MvccStore(eager.backend);
        const loader = new StoreLoader(restarted, new Lessor());
        loader.load(markedPairs(eager));
        loader.finish();
        expect(pairsAt(restarted, 0)).toEqual(pairsAt(eager.store, 0));
        for (const [, kv] of eager.backend.pairs()) expect(kv.length).toBeGreaterThan(0);
        const steps2 = restarted.hash(0);
        let last = steps2.next();
        while (!last.done) last = steps2.next();
        expect(last.value.hash).toBe(hash);
      }),
      { numRuns: 60 },
    );
  });

  it("a delete at the compacted revision stays visible to those who read from there", () => {
    const fixture = new StateFixture();
    fixture.put("a", "1");
    fixture.delete("a");
    fixture.put("b", "1");
    fixture.compact(3);
    fixture.cleanUp();
    const changes = fixture.store.changesBetween({ start: "", end: undefined }, { from: 3, to: 4 });
    expect(changes.map(({ key: name, event }) => `${name}:${event.type}`)).toEqual(["a:1", "b:0"]);
    fixture.compact(4);
    fixture.cleanUp();
    expect(fixture.store.index.get("a")).toBeUndefined();
  });
});
