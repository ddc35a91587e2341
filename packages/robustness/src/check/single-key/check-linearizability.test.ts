/**
 * The search against one that cannot be wrong because it is too simple: every order of every subset
 * of the operations, one after the other.
 */
import { seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkLinearizability, type SequentialModel, type Span } from "./check-linearizability.js";
import { keyModel, type KeyOperation } from "./key-model.js";
import { simulateHistory } from "./simulated-history.js";

function isLinearizableByTrying<State, Operation>(
  model: SequentialModel<State, Operation>,
  history: readonly Span<Operation>[],
  state: State = model.initial,
): boolean {
  if (history.every(({ returnedAt }) => returnedAt === undefined)) return true;
  return history.some((span) => {
    const rest = history.filter((other) => other !== span);
    const isTooEarly = rest.some(
      ({ returnedAt }) => returnedAt !== undefined && returnedAt < span.calledAt,
    );
    if (isTooEarly) return false;
    return model
      .step(state, span.operation)
      .some((after) => isLinearizableByTrying(model, rest, after));
  });
}

/** Right histories of up to seven operations on one key. */
const smallHistory = fc
  .record({
    seed: fc.nat(),
    clientCount: fc.integer({ min: 1, max: 4 }),
    operationCount: fc.integer({ min: 1, max: 7 }),
    unknownPercent: fc.constantFrom(0, 30, 60),
  })
  .map(({ seed, ...options }) =>
    simulateHistory({ ...options, random: seededRandom(seed), keyCount: 1 }),
  );

/** The same with outcomes and times of some exchanged, or forgotten, so that many are wrong. */
const shuffledHistory = fc
  .tuple(smallHistory, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 2 })), { maxLength: 3 }))
  .map(([history, changes]) => {
    const changed: Span<KeyOperation>[] = [...history];
    for (const [i, j, kind] of changes) {
      const [a, b] = [i % changed.length, j % changed.length];
      // Both in range.
      const [one, other] = [changed[a] as Span<KeyOperation>, changed[b] as Span<KeyOperation>];
      if (kind === 0) changed[a] = { ...one, operation: other.operation };
      else if (kind === 1) {
        changed[a] = { ...one, calledAt: other.calledAt, returnedAt: other.returnedAt };
        changed[b] = { ...other, calledAt: one.calledAt, returnedAt: one.returnedAt };
      } else changed[a] = { ...one, returnedAt: undefined };
    }
    return changed.map((span) => ({
      ...span,
      // An operation that has not returned has no outcome.
      operation: span.returnedAt === undefined ? forget(span.operation) : span.operation,
      returnedAt: span.operation.outcome === undefined ? undefined : span.returnedAt,
    }));
  });

function forget(operation: KeyOperation): KeyOperation {
  return { ...operation, outcome: undefined };
}

describe("checkLinearizability()", () => {
  it("agrees with trying every order", () => {
    const seen = { linearizable: 0, "not-linearizable": 0, undecided: 0 };
    fc.assert(
      fc.property(shuffledHistory, (history) => {
        const { kind } = checkLinearizability(keyModel, history);
        seen[kind]++;
        expect(kind === "linearizable").toBe(isLinearizableByTrying(keyModel, history));
      }),
      { numRuns: 3_000 },
    );
    // The histories were worth checking.
    expect(seen.linearizable).toBeGreaterThan(300);
    expect(seen["not-linearizable"]).toBeGreaterThan(300);
    expect(seen.undecided).toBe(0);
  });

  it("takes a history of any model: a register that counts", () => {
    const counter: SequentialModel<number, { readonly sees: number }> = {
      initial: 0,
      step: (state, { sees }) => (sees === state ? [state + 1] : []),
      isTooLate: (state, { sees }) => sees < state,
      keyOf: String,
    };
    const at = (calledAt: number, returnedAt: number, sees: number) => ({
      calledAt,
      returnedAt,
      operation: { sees },
    });
    expect(checkLinearizability(counter, [at(1, 4, 1), at(2, 3, 0)]).kind).toBe("linearizable");
    expect(checkLinearizability(counter, [at(1, 2, 1), at(3, 4, 0)]).kind).toBe("not-linearizable");
  });

  it("is not led astray by many operations of unknown outcome", () => {
    const lost = Array.from({ length: 40 }, (_, i): Span<KeyOperation> => {
      const operation: KeyOperation = { kind: "put", value: `lost-${i}`, outcome: undefined };
      return { calledAt: 1, returnedAt: undefined, operation };
    });
    const read = (
      calledAt: number,
      revision: number,
      found?: { readonly value: string; readonly modRevision: number },
    ): Span<KeyOperation> => ({
      calledAt,
      returnedAt: calledAt + 1,
      operation: { kind: "get", outcome: { revision, found } },
    });
    const seen = read(2, 9, { value: "lost-7", modRevision: 9 });
    expect(checkLinearizability(keyModel, [...lost, seen]).kind).toBe("linearizable");
    const again = read(6, 30, { value: "lost-7", modRevision: 30 });
    const between = read(4, 20, { value: "lost-8", modRevision: 20 });
    expect(checkLinearizability(keyModel, [...lost, seen, between, again]).kind).toBe(
      "not-linearizable",
    );
  });
});
