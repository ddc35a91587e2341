/**
 * How many requests are worked on at once. Beyond the limit clients are told to come again, which
 * is what Kubernetes' priority and fairness ends in; its queues and levels are not built here.
 */
import { ApiError } from "../api/api-status.js";

export interface InFlightLimits {
  readonly maxReads: number;
  readonly maxWrites: number;
}

/** kube-apiserver's --max-requests-inflight and --max-mutating-requests-inflight. */
export const DEFAULT_LIMITS: InFlightLimits = { maxReads: 400, maxWrites: 200 };

/** "long": watches and logs, which are counted but not limited. */
export type RequestKind = "readOnly" | "mutating" | "long";

export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #counts: Record<RequestKind, number> = { readOnly: 0, mutating: 0, long: 0 };

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  count(kind: RequestKind): number {
    return this.#counts[kind];
  }

  /** Returns what leaves again, once. Throws `ApiError` TooManyRequests. */
  enter(kind: RequestKind): () => void {
    const { maxReads, maxWrites } = this.#limits;
    const max = { readOnly: maxReads, mutating: maxWrites, long: Infinity }[kind];
    if (this.#counts[kind] >= max) {
      throw new ApiError("TooManyRequests", "Too many requests, please try again later.", {
        retryAfterSeconds: 1,
      });
    }
    this.#counts[kind]++;
    let inside = true;
    return () => {
      if (inside) this.#counts[kind]--;
      inside = false;
    };
  }
}
