/** What clients of a store did and were told: the input of all checks here, and how to read it. */
import type { Span } from "./check-linearizability.js";
import type { KeyOperation, ReadOutcome } from "./key-model.js";

/** Spans' times may be any clock's; best are places in one list of calls and returns. */
export interface KvSpan extends Span<KeyOperation> {
  readonly key: string;
  /** Who called, for people. */
  readonly client: string;
}

export interface KnownWrite {
  readonly key: string;
  readonly revision: number;
  /** Undefined: a deletion. */
  readonly value: string | undefined;
  readonly span: KvSpan;
}

/** The write that `span` is known to have done; undefined for reads and for unknown outcomes. */
export function knownWriteOf(span: KvSpan): KnownWrite | undefined {
  const { key, operation } = span;
  const { kind, outcome } = operation;
  if (!outcome) return undefined;
  const { revision } = outcome;
  switch (kind) {
    case "put":
      return { key, revision, value: operation.value, span };
    case "delete":
      return outcome.wasThere ? { key, revision, value: undefined, span } : undefined;
    case "compare-and-put":
      return outcome.succeeded ? { key, revision, value: operation.value, span } : undefined;
    case "get":
      return undefined;
  }
}

/** What `span` is known to have found under its key, whichever operation it was. */
export function knownReadOf({ operation }: KvSpan): ReadOutcome | undefined {
  switch (operation.kind) {
    case "put":
      return undefined;
    case "get":
      return operation.outcome;
    case "delete": {
      const { outcome } = operation;
      return outcome && !outcome.wasThere
        ? { revision: outcome.revision, found: undefined }
        : undefined;
    }
    case "compare-and-put":
      return operation.outcome?.succeeded === false ? operation.outcome : undefined;
  }
}

export function describeSpan({ key, client, operation, calledAt, returnedAt }: KvSpan): string {
  return `[${calledAt}, ${returnedAt ?? "?"}] ${client} ${describeOperation(key, operation)}`;
}

export function describeFound(
  found: { readonly value: string; readonly modRevision: number | undefined } | undefined,
): string {
  return found ? `"${found.value}" of revision ${found.modRevision ?? "?"}` : "nothing";
}

function describeOperation(key: string, operation: KeyOperation): string {
  switch (operation.kind) {
    case "put":
      return `put ${key} "${operation.value}" → ${describeWrite(operation.outcome)}`;
    case "delete": {
      const { outcome } = operation;
      if (outcome?.wasThere !== false) return `delete ${key} → ${describeWrite(outcome)}`;
      return `delete ${key} → nothing there at ${outcome.revision}`;
    }
    case "get":
      return `get ${key} → ${describeRead(operation.outcome)}`;
    case "compare-and-put": {
      const { compare, value, outcome } = operation;
      const wanted =
        compare.by === "value" ? `value "${compare.value}"` : `revision ${compare.modRevision}`;
      const call = `put ${key} "${value}" if ${wanted}`;
      if (outcome?.succeeded === false) return `${call} → not so, ${describeRead(outcome)}`;
      return `${call} → ${describeWrite(outcome)}`;
    }
  }
}

function describeWrite(outcome: { readonly revision: number } | undefined): string {
  return outcome ? `revision ${outcome.revision}` : "outcome unknown";
}

function describeRead(outcome: ReadOutcome | undefined): string {
  return outcome ? `${describeFound(outcome.found)} at ${outcome.revision}` : "outcome unknown";
}
