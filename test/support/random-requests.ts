/**
 * Random requests of an etcd client, for holding two servers against each other: every field of
 * every request, over few keys, so that requests meet. What follows depends on nothing but the
 * random numbers and the revisions that the servers say.
 *
 * Left out is what etcd 3.4 does not survive (negative limits, unknown sort targets, a transaction
 * that deletes a key and then puts it with ignore_value: it panics); more than ten keys: beyond a
 * dozen, its order of equal elements is anybody's guess; and a compaction at revision 0, which etcd
 * takes, once, and we refuse: there is nothing before revision 1.
 */
import { encodeUtf8, prefixEnd, type Random, randomBelow } from "@sagong/base";
import {
  Compare,
  CompareResult,
  CompareTarget,
  type RequestOp,
  SortOrder,
  SortTarget,
} from "@sagong/kv/client";
import {
  CompactionRequest,
  DeleteRangeRequest,
  KvService,
  LeaseGrantRequest,
  LeaseLeasesRequest,
  LeaseRevokeRequest,
  LeaseService,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from "@sagong/kv/testing";
import type { Channel, MethodDescriptor } from "@sagong/rpc";

export interface AnyRequest {
  /** For people. */
  readonly what: string;
  readonly send: (channel: Channel) => Promise<unknown>;
  /** What the compacted revision is if this is not refused. */
  readonly compactsTo?: number;
}

const KEYS = ["a", "a/1", "a/2", "b", "b\u0000", "ba", "c", "d/x", "ÿ", "z"] as const;
const LEASES = 4;
/** Leases must not end by themselves in the middle. */
const TTL_SECONDS_MIN = 1_000;
const TIMEOUT_MS = 10_000;
const NESTING_MAX = 2;

export class RandomRequests {
  readonly #random: Random;
  /** The servers' revisions, as far as they are known. */
  revision = 1;
  compactRevision = 0;
  /** Whether the transaction that is being made deletes, and so ignores nothing. */
  #deletesInTxn = false;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): AnyRequest {
    const { range, put, deleteRange, txn, compact } = KvService.methods;
    const { leaseGrant, leaseRevoke, leaseTimeToLive, leaseLeases } = LeaseService.methods;
    const percent = this.#below(100);
    if (percent < 30) return request(range, this.#range());
    if (percent < 55) return request(put, this.#put());
    if (percent < 65) return request(deleteRange, this.#deleteRange());
    if (percent < 87) {
      this.#deletesInTxn = this.#flip();
      const value = this.#txn(NESTING_MAX);
      this.#deletesInTxn = false;
      return request(txn, value);
    }
    if (percent < 90) {
      const compaction = this.#compaction();
      return { ...request(compact, compaction), compactsTo: compaction.revision };
    }
    const id = this.#lease();
    if (percent < 94)
      return request(leaseGrant, LeaseGrantRequest.create({ id, ttl: this.#ttl() }));
    if (percent < 96) return request(leaseRevoke, LeaseRevokeRequest.create({ id }));
    if (percent < 99) {
      return request(leaseTimeToLive, LeaseTimeToLiveRequest.create({ id, keys: this.#flip() }));
    }
    return request(leaseLeases, LeaseLeasesRequest.create());
  }

  #range(): RangeRequest {
    const rare = (value: number): number => (this.#below(6) === 0 ? value : 0);
    return RangeRequest.create({
      ...this.#keyRange(),
      limit: this.#flip() ? 0 : this.#below(5),
      revision: this.#below(3) === 0 ? this.#oldRevision() : 0,
      sortOrder: this.#oneOf(Object.values(SortOrder)),
      sortTarget: this.#oneOf(Object.values(SortTarget)),
      serializable: this.#flip(),
      keysOnly: this.#below(4) === 0,
      countOnly: this.#below(8) === 0,
      minModRevision: rare(this.#oldRevision()),
      maxModRevision: rare(this.#oldRevision()),
      minCreateRevision: rare(this.#oldRevision()),
      maxCreateRevision: rare(this.#oldRevision()),
    });
  }

  #put(): PutRequest {
    const ignoreValue = !this.#deletesInTxn && this.#below(8) === 0;
    const ignoreLease = !this.#deletesInTxn && this.#below(8) === 0;
    const isWrong = this.#below(10) === 0;
    return PutRequest.create({
      key: this.#key(),
      value: ignoreValue && !isWrong ? encodeUtf8("") : this.#value(),
      lease: this.#below(3) === 0 && (!ignoreLease || isWrong) ? this.#lease() : 0n,
      prevKv: this.#flip(),
      ignoreValue,
      ignoreLease,
    });
  }

  #deleteRange(): DeleteRangeRequest {
    return DeleteRangeRequest.create({ ...this.#keyRange(), prevKv: this.#flip() });
  }

  #txn(nesting: number): TxnRequest {
    const some = <T>(make: () => T): T[] => Array.from({ length: this.#below(4) }, make);
    return TxnRequest.create({
      compare: some(() => this.#compare()),
      success: some(() => this.#op(nesting)),
      failure: some(() => this.#op(nesting)),
    });
  }

  #op(nesting: number): RequestOp {
    const percent = this.#below(100);
    if (percent < 35) return { request: { kind: "requestRange", value: this.#range() } };
    if (percent < 70) return { request: { kind: "requestPut", value: this.#put() } };
    if (percent < 85 && this.#deletesInTxn) {
      return { request: { kind: "requestDeleteRange", value: this.#deleteRange() } };
    }
    if (percent >= 99) return { request: undefined };
    if (nesting === 0) return { request: { kind: "requestRange", value: this.#range() } };
    return { request: { kind: "requestTxn", value: this.#txn(nesting - 1) } };
  }

  #compare(): Compare {
    const number = this.#flip() ? this.#oldRevision() : this.#below(3);
    const { VERSION, CREATE, MOD, VALUE, LEASE } = CompareTarget;
    const [target, targetUnion] = this.#oneOf([
      [VERSION, { kind: "version", value: this.#below(3) }],
      [CREATE, { kind: "createRevision", value: number }],
      [MOD, { kind: "modRevision", value: number }],
      [VALUE, { kind: "value", value: this.#value() }],
      [LEASE, { kind: "lease", value: this.#flip() ? 0n : this.#lease() }],
    ] as const);
    const range = this.#keyRange();
    return Compare.create({
      key: range.key,
      rangeEnd: this.#below(3) === 0 ? range.rangeEnd : encodeUtf8(""),
      result: this.#oneOf(Object.values(CompareResult)),
      target,
      targetUnion,
    });
  }

  #compaction(): CompactionRequest {
    const span = this.revision - this.compactRevision + 3;
    const revision = Math.max(1, this.compactRevision - 1 + this.#below(span));
    return CompactionRequest.create({ revision, physical: this.#flip() });
  }

  /** From below the compacted revision to behind the last one. */
  #oldRevision(): number {
    const first = Math.max(1, this.compactRevision - 1);
    return first + this.#below(this.revision - first + 2);
  }

  #keyRange(): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
    const key = this.#key();
    const everything = encodeUtf8("\u0000");
    switch (this.#below(6)) {
      case 0:
        return { key, rangeEnd: prefixEnd(key) };
      case 1:
        return { key, rangeEnd: this.#key() };
      case 2:
        return { key, rangeEnd: everything };
      case 3:
        return { key: everything, rangeEnd: everything };
      case 4:
        return { key: this.#below(20) === 0 ? encodeUtf8("") : key, rangeEnd: encodeUtf8("") };
      default:
        return { key, rangeEnd: encodeUtf8("") };
    }
  }

  #key(): Uint8Array {
    return encodeUtf8(this.#oneOf(KEYS));
  }

  #value(): Uint8Array {
    return encodeUtf8(this.#oneOf(["", "1", "2", "a longer value"]));
  }

  #lease(): bigint {
    return BigInt(1 + this.#below(LEASES));
  }

  #ttl(): number {
    return this.#below(10) === 0 ? 9_000_000_001 : TTL_SECONDS_MIN + this.#below(1_000);
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T; // In range.
  }

  #flip(): boolean {
    return this.#below(2) === 0;
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit);
  }
}

function request<Request, Response>(
  method: MethodDescriptor<Request, Response, "unary">,
  value: Request,
): AnyRequest {
  return {
    what: `${method.path} ${JSON.stringify(plainOf(value))}`,
    send: (channel) => channel.unary(method, value, { timeoutMs: TIMEOUT_MS }),
  };
}

/**
 * A message without what two servers may differ in: who they are and how long a lease has left.
 * Bytes become text, numbers beyond JSON too.
 */
export function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(
    ([name]) => name !== "clusterId" && name !== "memberId" && name !== "raftTerm",
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, plainOf(field)]));
}
