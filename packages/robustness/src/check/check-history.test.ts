import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import type { History, KvPair, Violation, WatchEvent } from "../history/history.js";
import { checkHistory } from "./check-history.js";
import { GUARANTEES } from "./guarantees.js";
import { leaseBounds } from "./lease-bounds.js";
import { type ReferenceHistory, referenceHistory } from "./reference-history.js";

const right = (seed: number): ReferenceHistory =>
  referenceHistory({
    random: seededRandom(seed),
    clientCount: 4,
    keyCount: 4,
    operationCount: 150,
    unknownPercent: 10,
    watchCount: 5,
  });

/** What a member holds after these events. */
function pairsAfter(events: ReadonlyMap<number, readonly WatchEvent[]>): readonly KvPair[] {
  const pairs = new Map<string, KvPair>();
  for (const event of [...events.values()].flat()) {
    if (event.kind === "put") pairs.set(event.kv.key, event.kv);
    else pairs.delete(event.key);
  }
  return [...pairs.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

const names = (violations: readonly Violation[]): ReadonlySet<string> =>
  new Set(violations.map(({ guarantee }) => guarantee));

describe("checkHistory()", () => {
  it("finds nothing in what is right, final states and bounds of leases included", () => {
    for (let seed = 0; seed < 50; seed++) {
      const history = right(seed);
      const revision = history.events.size + 1;
      const finalStates = [{ member: "m1", revision, kvs: pairsAfter(history.events) }];
      const context = { finalStates, leaseBounds: leaseBounds({ electionMs: 1_000 }) };
      expect(checkHistory(history, context)).toEqual([]);
      expect(checkHistory(history, { ...context, events: history.events })).toEqual([]);
    }
  });

  it("sees a member that ends without what was acknowledged", () => {
    const history = right(3);
    const revision = history.events.size + 1;
    const kvs = pairsAfter(history.events);
    const wrong = [kvs.slice(1), [{ ...(kvs[0] as KvPair), version: 99 }, ...kvs.slice(1)]]; // Some are there.
    for (const held of wrong) {
      const finalStates = [{ member: "m1", revision, kvs: held }];
      expect(names(checkHistory(history, { finalStates }))).toEqual(
        new Set(["no-acknowledged-write-lost"]),
      );
    }
  });

  it("sees an acknowledged write that a watch over all keys did not bring", () => {
    let count = 0;
    for (let seed = 0; seed < 20; seed++) {
      const history = right(seed);
      const [witness, ...others] = history.watches;
      const lost = history.operations
        .slice(20)
        .find(({ outcome }) => outcome.kind === "answered" && outcome.response.kind === "put");
      if (!witness || lost?.outcome.kind !== "answered") continue;
      const { revision } = lost.outcome.response;
      const responses = witness.responses.map((response) => ({
        ...response,
        events: response.events.filter(
          (event) => (event.kind === "put" ? event.kv.modRevision : event.modRevision) !== revision,
        ),
      }));
      const wrong: History = { ...history, watches: [{ ...witness, responses }, ...others] };
      expect(names(checkHistory(wrong))).toContain("no-acknowledged-write-lost");
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });

  it("tells of violations in the order in which they came to light, under names that are listed", () => {
    const history = right(5);
    const operations = history.operations.map((operation, i) =>
      i % 10 === 0 && operation.outcome.kind === "answered"
        ? {
            ...operation,
            outcome: {
              kind: "answered" as const,
              response: { ...operation.outcome.response, revision: 3 },
            },
          }
        : operation,
    );
    const found = checkHistory({ ...history, operations });
    expect(found.length).toBeGreaterThan(3);
    const times = found.map(({ atMs }) => atMs ?? Infinity);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const { guarantee } of found) expect(GUARANTEES).toHaveProperty([guarantee]);
  });
});

describe("GUARANTEES", () => {
  it("are named in kebab-case, with a sentence each", () => {
    for (const [name, sentence] of Object.entries(GUARANTEES)) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(sentence).toMatch(/^[A-Z].*\.$/);
    }
  });
});
