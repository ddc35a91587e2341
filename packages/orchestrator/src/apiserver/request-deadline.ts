/** How long a request may take: what the client asks for, but no longer than the server allows. */
import type { Clock } from "@sagong/base";
import { ApiError, badRequest } from "../api/api-status.js";
import type { RequestUrl } from "./request-info.js";

/** kube-apiserver's --request-timeout. */
export const REQUEST_TIMEOUT_MS = 60_000;

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Of `?timeout=32s`. Throws `ApiError` BadRequest where that is no duration of Go's. */
export function requestTimeoutMs({ searchParams }: RequestUrl, maxMs: number): number {
  const text = searchParams.get("timeout");
  if (text === null || text === "" || text === "0") return maxMs;
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw badRequest(
      `invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`,
    );
  }
  const asked = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNITS_MS[unit ?? ""] ?? 0),
    0,
  );
  return asked === 0 ? maxMs : Math.min(asked, maxMs);
}

export interface Deadline {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Aborted when the time is over, so that the work stops where it can. */
  readonly abort: AbortController;
}

/**
 * Settles as `work` does, or rejects with `ApiError` Timeout when it takes too long. A write may
 * then still be carried out, as with every timeout.
 */
export function withDeadline(
  work: Promise<void>,
  { timeoutMs, clock, abort }: Deadline,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(timeoutMs, () => {
      const error = new ApiError(
        "Timeout",
        "Timeout: request did not complete within the allotted timeout",
      );
      reject(error); // First: aborting makes the work fail, with words of its own.
      abort.abort(error);
    });
    void work.then(resolve, reject).finally(() => timer.cancel());
  });
}
