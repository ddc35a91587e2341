/** Two judges that share nothing: the search, and the check that takes revisions at their word. */
import { type Random, randomBelow, seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import type { History, KvResponse, Operation, RangeAnswer } from "../../history/history.js";
import { checkLinearizable } from "../linearizability.js";
import { referenceHistory } from "../reference-history.js";
import { checkKvHistory } from "./check-kv-history.js";
import type { Found, KeyOperation } from "./key-model.js";
import type { KvSpan } from "./kv-history.js";

/** Of requests of single keys only. */
function spanOf({ client, calledAt, returnedAt, request, outcome }: Operation): KvSpan {
  const response = outcome.kind === "answered" ? outcome.response : undefined;
  const key = request.kind === "txn" ? (request.success[0]?.key ?? "") : keyOf(request);
  return { key, client, calledAt, returnedAt, operation: keyOperation(request, response) };
}

function keyOf(request: Operation["request"]): string {
  if (!("key" in request)) throw new Error(`no single key in ${request.kind}`);
  return request.key;
}

function keyOperation(
  request: Operation["request"],
  response: KvResponse | undefined,
): KeyOperation {
  const revision = response?.revision ?? 0;
  switch (request.kind) {
    case "range":
      return { kind: "get", outcome: response?.kind === "range" ? readOf(response) : undefined };
    case "put":
      return { kind: "put", value: request.value, outcome: response && { revision } };
    case "delete": {
      const wasThere = response?.kind === "delete" && response.deleted > 0;
      return { kind: "delete", outcome: response && { revision, wasThere } };
    }
    case "txn": {
      const [compare] = request.compares;
      const [put] = request.success;
      if (!compare || put?.kind !== "put") throw new Error("no compare-and-put");
      const comparison =
        compare.target === "value"
          ? ({ by: "value", value: String(compare.operand) } as const)
          : ({ by: "mod-revision", modRevision: Number(compare.operand) } as const);
      const common = { kind: "compare-and-put", compare: comparison, value: put.value } as const;
      if (response?.kind !== "txn") return { ...common, outcome: undefined };
      if (response.succeeded) return { ...common, outcome: { succeeded: true, revision } };
      const read = response.answers[0];
      if (read?.kind !== "range") throw new Error("the transaction read nothing");
      return { ...common, outcome: { succeeded: false, ...readOf(read), revision } };
    }
    default:
      throw new Error(`no single key in ${request.kind}`);
  }
}

function readOf({ revision, kvs }: RangeAnswer): { revision: number; found: Found | undefined } {
  return { revision, found: kvs[0] };
}

const plain = (seed: number, unknownPercent: number): ReturnType<typeof referenceHistory> =>
  referenceHistory({
    random: seededRandom(seed),
    clientCount: 4,
    keyCount: 2,
    operationCount: 40,
    unknownPercent,
    isPlain: true,
  });

/** One answer is another than it was, or came at another time: mostly wrong, sometimes not. */
function disturb(history: History, random: Random): History {
  const { operations } = history;
  const at = randomBelow(random, operations.length);
  const old = operations[at];
  if (old?.outcome.kind !== "answered" || old.returnedAt === undefined) return history;
  const { response } = old.outcome;
  const dice = randomBelow(random, 4);
  const by = 1 + randomBelow(random, 3);
  let changed: Operation = old;
  if (dice === 0) {
    changed = { ...old, outcome: { kind: "answered", response: shifted(response, -by) } };
  } else if (dice === 1) {
    const calledAt = old.calledAt + 20 * by;
    changed = { ...old, calledAt, returnedAt: Math.max(calledAt, old.returnedAt) + 0.5 };
  } else if (dice === 2) {
    const returnedAt = Math.max(1, old.returnedAt - 20 * by);
    changed = { ...old, returnedAt, calledAt: Math.min(returnedAt, old.calledAt) - 0.5 };
  } else if (response.kind === "range") {
    const [kv] = response.kvs;
    const kvs = kv ? [] : [{ ...EMPTY, key: keyOf(old.request) }];
    const answer: RangeAnswer = { ...response, kvs, count: kvs.length };
    changed = { ...old, outcome: { kind: "answered", response: answer } };
  }
  return { ...history, operations: operations.with(at, changed) };
}

const EMPTY = { value: "made up", createRevision: 2, modRevision: 2, version: 1 };

function shifted(response: KvResponse, by: number): KvResponse {
  const revision = Math.max(1, response.revision + by);
  if (response.kind !== "txn") return { ...response, revision };
  const answers = response.answers.map((answer) => ({ ...answer, revision }));
  return { ...response, revision, answers };
}

describe("checkLinearizable() and checkKvHistory()", () => {
  it("both find nothing in what is right", () => {
    for (let seed = 0; seed < 50; seed++) {
      const right = plain(seed, 15);
      expect(checkLinearizable(right)).toEqual([]);
      expect(checkKvHistory(right.operations.map(spanOf))).toEqual([]);
    }
  });

  it("agree on what is disturbed, where all outcomes are known", () => {
    const verdicts = { right: 0, wrong: 0 };
    for (let seed = 0; seed < 300; seed++) {
      const history = disturb(plain(seed, 0), seededRandom(seed + 1_000_000));
      const found = checkLinearizable({ ...history, watches: [] }, { toleratesGaps: true });
      const searched = checkKvHistory(history.operations.map(spanOf));
      const both = { found: found.length > 0, searched: searched.length > 0 };
      const why = [...found.map((one) => one.text), ...searched];
      expect({ seed, why, found: both.found }).toEqual({ seed, why, found: both.searched });
      verdicts[both.found ? "wrong" : "right"]++;
    }
    expect(verdicts.right).toBeGreaterThan(50);
    expect(verdicts.wrong).toBeGreaterThan(50);
  });

  it("with unknown outcomes, what the search refutes is refuted with the events, too", () => {
    let refuted = 0;
    for (let seed = 0; seed < 300; seed++) {
      const right = plain(seed, 15);
      const history = disturb(right, seededRandom(seed + 1_000_000));
      if (checkKvHistory(history.operations.map(spanOf)).length === 0) continue;
      const isRefuted = checkLinearizable(history, { events: right.events }).length > 0;
      expect({ seed, isRefuted }).toEqual({ seed, isRefuted: true });
      refuted++;
    }
    expect(refuted).toBeGreaterThan(50);
  });
});
