/**
 * What the state machine refuses, with etcd's texts (api/v3rpc/rpctypes): clients compare them. The
 * numbers are gRPC's status codes. A refusal is a deterministic result of applying, the same on
 * every member.
 */
export const STORE_ERRORS = {
  emptyKey: [3, "key is not provided"],
  keyNotFound: [3, "key not found"],
  valueProvided: [3, "value is provided"],
  leaseProvided: [3, "lease is provided"],
  tooManyOps: [3, "too many operations in txn request"],
  duplicateKey: [3, "duplicate key given in txn request"],
  invalidSortOption: [3, "invalid sort option"],
  compacted: [11, "mvcc: required revision has been compacted"],
  futureRevision: [11, "mvcc: required revision is a future revision"],
  noSpace: [8, "mvcc: database space exceeded"],
  leaseNotFound: [5, "requested lease not found"],
  leaseExists: [9, "lease already exists"],
  leaseTtlTooLarge: [11, "too large lease TTL"],
} as const;

export type StoreErrorCode = keyof typeof STORE_ERRORS;

export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode) {
    super(`etcdserver: ${STORE_ERRORS[code][1]}`);
    this.code = code;
  }

  /** gRPC's status code. */
  get status(): number {
    return STORE_ERRORS[this.code][0];
  }
}
