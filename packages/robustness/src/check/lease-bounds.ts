/** How late a lease may end, and what is not known of times and clocks (leases.ts says why). */

export interface LeaseBounds {
  /** Beyond the TTL, until a lease's keys must be gone. */
  readonly outliveMs: number;
  /** How much faster than the observer's a member's clock may run: 0.01 is one in a hundred. */
  readonly driftShare: number;
  /** How long a request without an answer may be on its way and still be carried out. */
  readonly delayMs: number;
  /** Times without a leader that can commit; a mere change of leader is one without length. In order. */
  readonly unsettled?: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** The leader looks so often for leases that have ended (etcd's). */
const EXPIRY_CHECK_MS = 500;
/** etcd's limit of a request, beside two election timeouts. */
const REQUEST_TIMEOUT_MS = 5_000;
/** For the revocation to be committed, by a leader that can. */
const COMMIT_MS = 1_000;

/** The bounds of a store whose election timeout is at most `electionMs`. */
export function leaseBounds({
  electionMs,
  driftShare = 0,
  unsettled = [],
}: { readonly electionMs: number } & Partial<
  Pick<LeaseBounds, "driftShare" | "unsettled">
>): LeaseBounds {
  // A new leader's gift of two election timeouts, the check, the revocation.
  const outliveMs = 2 * electionMs + EXPIRY_CHECK_MS + COMMIT_MS;
  return { outliveMs, driftShare, delayMs: REQUEST_TIMEOUT_MS + 2 * electionMs, unsettled };
}
