/**
 * What clients of a store did and saw: the language between those who make load (simulated clients,
 * clients of real processes) and those who judge it (`check/`). Keys and values are text, as the
 * makers of load choose them; ids of leases are decimal text.
 *
 * H1 moments are numbers that grow with every call and return of a run, in the order in which one
 *    observer saw them: sharper than any clock. Milliseconds are for bounds of time only.
 * H2 values that are written are unique in a run, so that an event says whose write it was.
 */

export interface History {
  readonly operations: readonly Operation[];
  readonly watches: readonly WatchRecord[];
  readonly leases: readonly LeaseRecord[];
}

/** One call of a client. */
export interface Operation {
  readonly client: string;
  /** The member that was asked. */
  readonly member: string;
  readonly calledAt: number;
  readonly calledMs: number;
  /** Undefined where no answer came, or one that leaves open what was done: see `outcome`. */
  readonly returnedAt: number | undefined;
  readonly returnedMs: number | undefined;
  readonly request: KvRequest;
  readonly outcome: Outcome;
}

export type Outcome =
  | { readonly kind: "answered"; readonly response: KvResponse }
  /** The store said no, and this says that nothing was done (compacted, no such lease, …). */
  | { readonly kind: "refused"; readonly error: string; readonly compactRevision?: number }
  /** It may have been done, now or later: no answer, a timeout, a connection that broke. */
  | { readonly kind: "unknown"; readonly error: string };

export type KvRequest = RangeOp | PutOp | DeleteOp | TxnOp | CompactOp;
export type TxnStep = RangeOp | PutOp | DeleteOp;

export interface RangeOp {
  readonly kind: "range";
  readonly key: string;
  /** As in etcd: undefined is one key, "\0" from the key on. */
  readonly rangeEnd?: string;
  /** 0 or undefined: the newest. */
  readonly revision?: number;
  readonly limit?: number;
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface PutOp {
  readonly kind: "put";
  readonly key: string;
  readonly value: string;
  readonly lease?: string;
  readonly prevKv?: boolean;
}

export interface DeleteOp {
  readonly kind: "delete";
  readonly key: string;
  readonly rangeEnd?: string;
  readonly prevKv?: boolean;
}

export interface TxnOp {
  readonly kind: "txn";
  readonly compares: readonly TxnCompare[];
  readonly success: readonly TxnStep[];
  readonly failure: readonly TxnStep[];
}

export interface TxnCompare {
  readonly key: string;
  readonly target: "value" | "mod" | "create" | "version";
  readonly result: "=" | "!=" | "<" | ">";
  /** Text for `value`, a number for the others. */
  readonly operand: string | number;
}

export interface CompactOp {
  readonly kind: "compact";
  readonly revision: number;
}

export interface KvPair {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** Undefined where none is attached. */
  readonly lease?: string;
}

export type KvResponse =
  | RangeAnswer
  | PutAnswer
  | DeleteAnswer
  | {
      readonly kind: "txn";
      /** The header's. */
      readonly revision: number;
      readonly succeeded: boolean;
      readonly answers: readonly (RangeAnswer | PutAnswer | DeleteAnswer)[];
    }
  | { readonly kind: "compact"; readonly revision: number };

export interface RangeAnswer {
  readonly kind: "range";
  readonly revision: number;
  readonly kvs: readonly KvPair[];
  readonly count: number;
  readonly more: boolean;
}

export interface PutAnswer {
  readonly kind: "put";
  readonly revision: number;
  readonly prevKv?: KvPair;
}

export interface DeleteAnswer {
  readonly kind: "delete";
  readonly revision: number;
  readonly deleted: number;
  readonly prevKvs: readonly KvPair[];
}

/** One watcher from its creation to its end; a client that comes back after a break makes another. */
export interface WatchRecord {
  readonly client: string;
  readonly member: string;
  readonly key: string;
  readonly rangeEnd?: string;
  /** As it was asked for: 0 is "from now on". */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  readonly filters: readonly ("put" | "delete")[];
  /** When its request went out. */
  readonly createdMs: number;
  /** The moment of that (H1); undefined where the recorder did not note it. */
  readonly createdAt?: number;
  /** Every response, in the order of arrival, the creation's included. */
  readonly responses: readonly WatchAnswer[];
  /** Whether all faults were over and it was still open, and waited for, at the run's end. */
  readonly reachedEnd: boolean;
}

export interface WatchAnswer {
  readonly atMs: number;
  /** Moment of its arrival (H1). */
  readonly at: number;
  readonly headerRevision: number;
  readonly created?: boolean;
  readonly canceled?: { readonly reason: string; readonly compactRevision: number };
  /** No events, and not a creation or an end: a bookmark. */
  readonly events: readonly WatchEvent[];
  /** More of the same revision follows in the next response. */
  readonly fragment?: boolean;
}

export type WatchEvent =
  | { readonly kind: "put"; readonly kv: KvPair; readonly prevKv?: KvPair }
  | {
      readonly kind: "delete";
      readonly key: string;
      readonly modRevision: number;
      readonly prevKv?: KvPair;
    };

/** One lease: what its owner asked and was told. Times are of the observer's clock. */
export interface LeaseRecord {
  readonly id: string;
  readonly client: string;
  readonly ttlMs: number;
  /** Of the grant's call and return. */
  readonly grantCalledMs: number;
  readonly grantedMs: number | undefined;
  /** Renewals: `answeredMs` undefined where no answer came; `ttlMs` 0 says that it is gone. */
  readonly renewals: readonly {
    readonly calledMs: number;
    readonly answeredMs: number | undefined;
    readonly ttlMs: number | undefined;
  }[];
  readonly revoke?: { readonly calledMs: number; readonly answeredMs: number | undefined };
  /** Keys that were attached to it by acknowledged puts. */
  readonly keys: readonly string[];
}

/** A guarantee that does not hold, for people: one sentence or a few lines. */
export interface Violation {
  /** Its name in docs/guarantees.md, kebab-case: `linearizable`, `watch-ordered`, … */
  readonly guarantee: string;
  readonly text: string;
  readonly atMs?: number;
}
