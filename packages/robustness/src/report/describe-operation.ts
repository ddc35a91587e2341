/** One line for what a client asked, and one for what it was told. */
import type { KvRequest, KvResponse, Operation, Outcome, TxnStep } from "../history/history.js";

/** `put k1 = v7`, `range [a, b)`, `txn if 2 then 1 else 0`. */
export function describeRequest(request: KvRequest): string {
  switch (request.kind) {
    case "range": {
      const more = [
        request.revision === undefined || request.revision === 0 ? "" : ` at ${request.revision}`,
        request.limit === undefined || request.limit === 0 ? "" : ` limit ${request.limit}`,
        request.serializable === true ? " serializable" : "",
      ];
      return `range ${keysOf(request)}${more.join("")}`;
    }
    case "put":
      return `put ${request.key} = ${request.value}${request.lease === undefined ? "" : ` lease ${request.lease}`}`;
    case "delete":
      return `delete ${keysOf(request)}`;
    case "txn": {
      const compares = request.compares.map(
        ({ key, target, result, operand }) => `${target} of ${key} ${result} ${operand}`,
      );
      return `txn if ${compares.join(" and ") || "true"} then ${stepsOf(request.success)} else ${stepsOf(request.failure)}`;
    }
    case "compact":
      return `compact at ${request.revision}`;
  }
}

export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "answered":
      return describeResponse(outcome.response);
    case "refused":
      return `refused: ${outcome.error}`;
    case "unknown":
      return `unknown: ${outcome.error}`;
  }
}

export function describeOperation(operation: Operation): string {
  const { request, outcome, member } = operation;
  return `${describeRequest(request)} (${member}): ${describeOutcome(outcome)}`;
}

function describeResponse(response: KvResponse): string {
  const at = `revision ${response.revision}`;
  switch (response.kind) {
    case "range":
      return `${at}, ${response.count} keys${response.kvs.map(({ key, value, modRevision }) => ` ${key} = ${value} @${modRevision}`).join(",")}`;
    case "put":
    case "compact":
      return at;
    case "delete":
      return `${at}, ${response.deleted} deleted`;
    case "txn":
      return `${at}, ${response.succeeded ? "then" : "else"}: ${response.answers.map(describeResponse).join("; ")}`;
  }
}

function stepsOf(steps: readonly TxnStep[]): string {
  return `{${steps.map(describeRequest).join("; ")}}`;
}

function keysOf({ key, rangeEnd }: { readonly key: string; readonly rangeEnd?: string }): string {
  if (rangeEnd === undefined || rangeEnd === "") return key;
  return rangeEnd === "\0" ? `[${key}, …)` : `[${key}, ${rangeEnd})`;
}
