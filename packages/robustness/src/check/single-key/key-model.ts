/**
 * One key of the store as a sequential object, and the operations on it that a history may hold.
 *
 * Revisions are the whole store's and the model is one key's, so it does not know which revision a
 * write gets; it knows that they grow. `floor` is the least revision that the store can be at:
 * outcomes below it are refused. A write of unknown outcome has a revision that nobody was told;
 * whoever first reads the key tells it.
 *
 * M1 `floor` never falls.
 * M2 a pair's modRevision is at most `floor`, or unknown, which means above it: whatever raises
 *    `floor` also reads or replaces the pair.
 */
import type { SequentialModel } from "./check-linearizability.js";

export interface Found {
  readonly value: string;
  readonly modRevision: number;
}

/** In every outcome `revision` is the response header's. `outcome` undefined: unknown. */
export type KeyOperation =
  | { readonly kind: "put"; readonly value: string; readonly outcome: WriteOutcome | undefined }
  | {
      readonly kind: "delete";
      readonly outcome: (WriteOutcome & { readonly wasThere: boolean }) | undefined;
    }
  | { readonly kind: "get"; readonly outcome: ReadOutcome | undefined }
  /** A transaction: if the comparison holds, put; else get. */
  | {
      readonly kind: "compare-and-put";
      readonly compare: Comparison;
      readonly value: string;
      readonly outcome:
        | (WriteOutcome & { readonly succeeded: true })
        | (ReadOutcome & { readonly succeeded: false })
        | undefined;
    };

export interface WriteOutcome {
  readonly revision: number;
}

export interface ReadOutcome {
  readonly revision: number;
  /** Undefined where there was no such key. */
  readonly found: Found | undefined;
}

/** Equality with the key's mod revision (0: there is no such key) or with its value. */
export type Comparison =
  | { readonly by: "mod-revision"; readonly modRevision: number }
  | { readonly by: "value"; readonly value: string };

export interface KeyState {
  /** Undefined where there is no such key. */
  readonly pair: { readonly value: string; readonly modRevision: number | undefined } | undefined;
  readonly floor: number;
}

export const keyModel: SequentialModel<KeyState, KeyOperation> = {
  // The store begins at revision 1.
  initial: { pair: undefined, floor: 1 },

  step(state, operation) {
    switch (operation.kind) {
      case "put": {
        return write(state, { value: operation.value, outcome: operation.outcome });
      }
      case "delete": {
        const { outcome } = operation;
        if (outcome && outcome.wasThere !== (state.pair !== undefined)) return [];
        if (state.pair) return write(state, { value: undefined, outcome });
        return outcome && outcome.revision >= state.floor
          ? [{ pair: undefined, floor: outcome.revision }]
          : [];
      }
      case "get":
        return operation.outcome ? read(state, operation.outcome) : [];
      case "compare-and-put": {
        const { compare, value, outcome } = operation;
        if (outcome?.succeeded === false) {
          return holds(compare, outcome.found) ? [] : read(state, outcome);
        }
        return mayHold(compare, state) ? write(state, { value, outcome }) : [];
      }
    }
  },

  isTooLate({ floor }, { kind, outcome }) {
    if (!outcome) return false;
    if (outcome.revision < floor) return true;
    const isWrite =
      kind === "put" ||
      (kind === "delete" && outcome.wasThere) ||
      (kind === "compare-and-put" && outcome.succeeded);
    return isWrite && outcome.revision === floor;
  },

  keyOf({ pair, floor }) {
    return pair ? `${floor} ${pair.modRevision ?? "?"} ${pair.value}` : `${floor}`;
  },
};

/** `value` undefined: a deletion. */
function write(
  { floor }: KeyState,
  { value, outcome }: { value: string | undefined; outcome: WriteOutcome | undefined },
): readonly KeyState[] {
  if (outcome && outcome.revision <= floor) return [];
  const pair = value === undefined ? undefined : { value, modRevision: outcome?.revision };
  return [{ pair, floor: outcome?.revision ?? floor }];
}

function read(state: KeyState, { revision, found }: ReadOutcome): readonly KeyState[] {
  if (revision < state.floor || !matches(state, found)) return [];
  if (found && found.modRevision > revision) return [];
  return [{ pair: found, floor: revision }];
}

function matches({ pair, floor }: KeyState, found: Found | undefined): boolean {
  if (!pair || !found) return !pair && !found;
  if (pair.value !== found.value) return false;
  return pair.modRevision === undefined
    ? found.modRevision > floor
    : found.modRevision === pair.modRevision;
}

function holds(compare: Comparison, found: Found | undefined): boolean {
  if (compare.by === "value") return found?.value === compare.value;
  return (found?.modRevision ?? 0) === compare.modRevision;
}

function mayHold(compare: Comparison, { pair, floor }: KeyState): boolean {
  if (compare.by === "mod-revision" && pair && pair.modRevision === undefined) {
    return compare.modRevision > floor;
  }
  return holds(compare, pair && { value: pair.value, modRevision: pair.modRevision ?? 0 });
}
