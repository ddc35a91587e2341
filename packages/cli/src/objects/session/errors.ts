/**
 * How a command of objects says that it failed, in kubectl's words: `error: …` for what this side
 * finds, `Error from server (Reason): …` for what the API server refuses, and the fields one by one
 * where an object is invalid.
 */
import { hasCode } from "@sagong/base";
import { ApiError } from "@sagong/orchestrator/api";
import { ConnectionError } from "@sagong/orchestrator/client";

/** What a command cannot do; the message is one sentence without a prefix. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
}

/** Several faults of one command, each told by itself. */
export class CommandErrors extends Error {
  override readonly name: string = "CommandErrors";
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super(errors.map(errorLine).join("; "));
    this.errors = errors;
  }
}

/** Throws what happened where anything did: one error as it is, several together. */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new CommandErrors(errors);
}

/** A refusal that also says what we were doing, as `error when creating "web.yaml": …`. */
export function withContext(error: unknown, context: string): unknown {
  if (!(error instanceof ApiError) || error.reason === "Invalid") return error;
  const { reason, details, code } = error;
  return ApiError.fromStatus({
    metadata: {},
    reason,
    message: `${context}: ${error.message}`,
    details,
    code,
  });
}

/** Without the newline at its end; only the list of an invalid object's fields has several lines. */
export function errorLine(error: unknown): string {
  if (error instanceof CommandErrors) return error.errors.map(errorLine).join("\n");
  if (error instanceof ApiError) return refusalLine(error);
  if (error instanceof ConnectionError) return connectionLine(error);
  return `error: ${error instanceof Error ? error.message : String(error)}`;
}

function refusalLine(error: ApiError): string {
  const { details, message, reason } = error;
  const causes = details?.causes ?? [];
  if (reason !== "Invalid" || causes.length === 0) {
    return `Error from server (${reason}): ${message}`;
  }
  const lines = [...new Set(causes.map((cause) => `${cause.field ?? ""}: ${cause.message ?? ""}`))];
  const intro = `The ${details?.kind ?? "object"} "${details?.name ?? ""}" is invalid: `;
  return lines.length === 1
    ? `${intro}${lines[0]}`
    : [intro, ...lines.map((line) => `* ${line}`)].join("\n");
}

function connectionLine(error: ConnectionError): string {
  const { cause } = error;
  if (!hasCode(cause, "ECONNREFUSED") || !("address" in cause)) {
    return `Unable to connect to the server: ${error.message}`;
  }
  const place = `${String(cause.address)}:${"port" in cause ? String(cause.port) : ""}`;
  return `The connection to the server ${place} was refused - did you specify the right host or port?`;
}
