/** Expected refusals of the core. Broken invariants are assertions, never these. */

export type ProposalRefusal =
  | "no-leader"
  | "transferring-leadership"
  | "too-much-uncommitted"
  | "too-large"
  | "closed";

/** The proposal did not enter the log, and will not. */
export class ProposalRefusedError extends Error {
  override readonly name: string = "ProposalRefusedError";
  readonly reason: ProposalRefusal;

  constructor(reason: ProposalRefusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** No read index could be confirmed; the reader may ask again. */
export class ReadIndexRefusedError extends Error {
  override readonly name: string = "ReadIndexRefusedError";
}
