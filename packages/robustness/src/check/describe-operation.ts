/** Operations of a history in one line each, for people who look for what went wrong. */
import { unreachable } from "@sagong/base";
import type { KvRequest, KvResponse, Operation, TxnCompare } from "../history/history.js";

/** `[12, 15] client-1 at m2: put a "v" → revision 7`. */
export function describeOperation(operation: Operation): string {
  const { client, member, calledAt, returnedAt } = operation;
  return `[${calledAt}, ${returnedAt ?? "?"}] ${client} at ${member}: ${describeCall(operation)}`;
}

/** `put a "v" → revision 7`: what was asked, and what was told. */
export function describeCall({ request, outcome }: Pick<Operation, "request" | "outcome">): string {
  const asked = describeRequest(request);
  switch (outcome.kind) {
    case "answered":
      return `${asked} → ${describeResponse(outcome.response)}`;
    case "refused":
      return `${asked} → refused: ${outcome.error}`;
    case "unknown":
      return `${asked} → unknown: ${outcome.error}`;
    default:
      return unreachable(outcome, "outcome");
  }
}

export function describeRequest(request: KvRequest): string {
  switch (request.kind) {
    case "range": {
      const { revision, limit, serializable, keysOnly, countOnly } = request;
      const options = [
        revision !== undefined && revision > 0 && `at revision ${revision}`,
        limit !== undefined && limit > 0 && `limit ${limit}`,
        serializable && "serializable",
        keysOnly && "keys only",
        countOnly && "count only",
      ].filter((option) => typeof option === "string");
      return ["range", keysText(request), ...options].join(" ");
    }
    case "put": {
      const lease = request.lease === undefined ? "" : ` lease ${request.lease}`;
      return `put ${request.key} "${request.value}"${lease}`;
    }
    case "delete":
      return `delete ${keysText(request)}`;
    case "compact":
      return `compact ${request.revision}`;
    case "txn": {
      const { compares, success, failure } = request;
      const steps = (of: readonly KvRequest[]): string => of.map(describeRequest).join("; ");
      const condition = compares.map(describeCompare).join(" and ");
      return `txn if (${condition}) then (${steps(success)}) else (${steps(failure)})`;
    }
    default:
      return unreachable(request, "request");
  }
}

function describeResponse(response: KvResponse): string {
  const at = `revision ${response.revision}`;
  switch (response.kind) {
    case "range": {
      const pairs = response.kvs.map(
        ({ key, value, modRevision }) => `${key}="${value}"@${modRevision}`,
      );
      return `${at}, ${response.count} keys${pairs.length > 0 ? `: ${pairs.join(" ")}` : ""}`;
    }
    case "delete":
      return `${at}, ${response.deleted} deleted`;
    case "txn": {
      const answers = response.answers.map(describeResponse).join("; ");
      return `${at}, ${response.succeeded ? "succeeded" : "failed"} (${answers})`;
    }
    default:
      return at;
  }
}

function describeCompare({ key, target, result, operand }: TxnCompare): string {
  return `${target}(${key}) ${result} ${operand}`;
}

function keysText({ key, rangeEnd }: { readonly key: string; readonly rangeEnd?: string }): string {
  const text = (name: string): string => JSON.stringify(name).slice(1, -1);
  return rangeEnd === undefined ? text(key) : `${text(key)}..${text(rangeEnd)}`;
}
