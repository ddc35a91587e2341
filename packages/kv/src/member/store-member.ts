/**
 * A running member as its clients see it: the answers to every call of the edge. It holds the parts
 * and says in which order they are asked (check, quota, propose, answer); it owns none of them.
 *
 *     write   validate ─▶ quota ─▶ propose ─▶ raft ─▶ apply ─▶ result ─▶ response
 *     read    validate ─▶ (linearizable: one ReadIndex round for all) ─▶ local state ─▶ response
 */
import { type Deferred, type Random, randomId } from "@sagong/base";
import type { RaftNode } from "@sagong/raft";
import type { Applier, ApplyResponse, ApplyResult } from "../apply/applier.js";
import { range } from "../apply/range.js";
import type { ChunkPool } from "../apply/chunk-pool.js";
import { openRange } from "../apply/range-cursor.js";
import { isReadOnlyTxn, isSerializableTxn } from "../apply/txn.js";
import {
  validateCompaction,
  validateDeleteRange,
  validatePut,
  validateRange,
  validateTxn,
} from "../apply/validate-request.js";
import {
  CompactionRequest,
  type CompactionResponse,
  DeleteRangeRequest,
  type DeleteRangeResponse,
  LeaseGrantRequest,
  type LeaseGrantResponse,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeRequest,
  type LeaseRevokeResponse,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
  PutRequest,
  type PutResponse,
  type RangeRequest,
  type ResponseHeader,
  TxnRequest,
  type TxnResponse,
} from "../gen/rpc.js";
import { LeaseRevocation, MemberAttributes } from "../gen/store.js";
import type { Lessor } from "../lease/lessor.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import type { KvApi, LeaseApi, RangeAnswer } from "../rpc/store-api.js";
import type { BackgroundLoop } from "./background-loop.js";
import { finishRange, type LargeRangeDependencies } from "./large-range.js";
import type { LinearizableReads } from "./linearizable-reads.js";
import { MemberError } from "./member-error.js";
import type { PeerLeases } from "./peer-lease-service.js";
import { PendingRead } from "./pending-read.js";
import type { Proposals } from "./proposals.js";
import { LEASE_COST_BYTES, putCostBytes, type Quota, txnCostBytes } from "./quota.js";
import type { EncodedRequest } from "./request-batch.js";

export interface StoreMemberParts extends LargeRangeDependencies {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly electionTimeoutMs: number;
  readonly raft: RaftNode;
  readonly store: MvccStore;
  readonly lessor: Lessor;
  readonly applier: Applier;
  readonly proposals: Proposals<ApplyResult, ApplyResponse>;
  readonly reads: LinearizableReads;
  /** Asks whoever leads. */
  readonly leaderLeases: PeerLeases;
  readonly quota: Quota;
  readonly compaction: BackgroundLoop;
  /** For the answers of large ranges. */
  readonly chunks: ChunkPool;
  readonly random: Random;
  /** True where the disk is too far behind for more work. */
  readonly isBackedUp: () => boolean;
}

/** What surrounds a request in the log, roughly; it counts against the limit of a request, as in etcd. */
const ENVELOPE_BYTES = 32;
/** etcd: the least TTL of a lease is this many election timeouts, rounded up to seconds. */
const MIN_TTL_ELECTION_TIMEOUTS = 1.5;

export class StoreMember implements KvApi, LeaseApi {
  readonly #parts: StoreMemberParts;

  constructor(parts: StoreMemberParts) {
    this.#parts = parts;
  }

  /** `revision` is the store's present one where it is left out. */
  header(revision: number = this.#parts.store.revision): ResponseHeader {
    const { clusterId, memberId, raft } = this.#parts;
    return { clusterId, memberId, revision, raftTerm: raft.status().term };
  }

  /** What a client is answered for a request that was applied. Throws what it was refused with. */
  respond(result: ApplyResult): ApplyResponse {
    if ("error" in result) throw result.error;
    // The applier made it for this answer alone, and left the header to be filled in.
    const response = result.response as {
      -readonly [Name in keyof ApplyResponse]: ApplyResponse[Name];
    };
    response.header = this.header(result.revision);
    return response;
  }

  // ── KV ───────────────────────────────────────────────────────────────────────────────────────

  range(request: RangeRequest): RangeAnswer | PromiseLike<RangeAnswer> {
    validateRange(request);
    const read = (): RangeAnswer | Promise<RangeAnswer> =>
      this.#whenReadable(() => this.#rangeNow(request));
    return request.serializable ? read() : this.#linearizably(read);
  }

  /** Refuses by throwing at once; not async, since each promise more is felt in puts a second. */
  put(request: PutRequest, encoded?: Uint8Array): PromiseLike<PutResponse> {
    validatePut(request);
    this.#parts.quota.admit(putCostBytes(request));
    return this.#propose<PutResponse>("put", encoded ?? PutRequest.encode(request));
  }

  deleteRange(request: DeleteRangeRequest, encoded?: Uint8Array): PromiseLike<DeleteRangeResponse> {
    validateDeleteRange(request);
    const body = encoded ?? DeleteRangeRequest.encode(request);
    return this.#propose<DeleteRangeResponse>("deleteRange", body);
  }

  txn(request: TxnRequest, encoded?: Uint8Array): TxnResponse | PromiseLike<TxnResponse> {
    const { maxTxnOps, quota, applier } = this.#parts;
    validateTxn(request, maxTxnOps);
    if (isReadOnlyTxn(request)) {
      const read = (): TxnResponse | Promise<TxnResponse> =>
        this.#whenReadable(() => ({ ...applier.evaluate(request), header: this.header() }));
      return isSerializableTxn(request) ? read() : this.#linearizably(read);
    }
    quota.admit(txnCostBytes(request));
    return this.#propose<TxnResponse>("txn", encoded ?? TxnRequest.encode(request));
  }

  /** `physical`: answered when the space is given up, not just when the revision is. */
  async compact(request: CompactionRequest): Promise<CompactionResponse> {
    validateCompaction(request);
    const response = await this.#propose<CompactionResponse>(
      "compact",
      CompactionRequest.encode(request),
    );
    if (request.physical) await this.#parts.compaction.idle();
    return response;
  }

  /** At once, but for the moment in which an image takes the database's place. */
  #whenReadable<T>(read: () => T | Promise<T>): T | Promise<T> {
    const replacement = this.#parts.replacement();
    return replacement ? replacement.then(() => this.#whenReadable(read)) : read();
  }

  #rangeNow(request: RangeRequest): RangeAnswer | Promise<RangeAnswer> {
    const { store, chunks } = this.#parts;
    const header = this.header();
    const cursor = openRange(store, request, chunks);
    if (cursor === undefined) {
      const { kvs, more, count } = range(store, request);
      return { header, kvs, more, count };
    }
    if (cursor.step()) return cursor.finish(header);
    return finishRange(cursor, this.#parts).then(() => cursor.finish(header));
  }

  // ── Leases ───────────────────────────────────────────────────────────────────────────────────

  /** A TTL that is too short is made longer here: members' flags may differ, what they apply may not. */
  async grant(request: LeaseGrantRequest): Promise<LeaseGrantResponse> {
    const { electionTimeoutMs } = this.#parts;
    this.#parts.quota.admit(LEASE_COST_BYTES);
    const minTtl = Math.ceil((MIN_TTL_ELECTION_TIMEOUTS * electionTimeoutMs) / 1_000);
    const id = request.id === 0n ? randomId(this.#parts.random) : request.id;
    return await this.#propose<LeaseGrantResponse>(
      "leaseGrant",
      LeaseGrantRequest.encode({ ttl: Math.max(request.ttl, minTtl), id }),
    );
  }

  async revoke({ id }: LeaseRevokeRequest): Promise<LeaseRevokeResponse> {
    return await this.#propose<LeaseRevokeResponse>(
      "leaseRevoke",
      LeaseRevocation.encode({ id, expiredInTerm: 0 }),
    );
  }

  /** Ends a lease that was found expired in `term`; void in any other term. */
  async expire({ id, term }: { readonly id: bigint; readonly term: number }): Promise<void> {
    await this.#propose("leaseRevoke", LeaseRevocation.encode({ id, expiredInTerm: term }));
  }

  keepAlive(
    request: LeaseKeepAliveRequest,
  ): LeaseKeepAliveResponse | Promise<LeaseKeepAliveResponse> {
    const renewed = this.#parts.leaderLeases.renew(request);
    const answer = ({ id, ttl }: LeaseKeepAliveResponse): LeaseKeepAliveResponse => ({
      header: this.header(),
      id,
      ttl,
    });
    return renewed instanceof Promise ? renewed.then(answer) : answer(renewed);
  }

  async timeToLive(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    const response = await this.#parts.leaderLeases.timesOf(request);
    return { ...response, header: this.header() };
  }

  leases(): LeaseLeasesResponse {
    const leases = this.#parts.lessor.all().map(({ id }) => ({ id }));
    return { header: this.header(), leases };
  }

  /** Makes a member's name and client URLs known to all. */
  async publish(attributes: MemberAttributes): Promise<void> {
    await this.#propose("memberAttributes", MemberAttributes.encode(attributes));
  }

  // ── The way through the log ──────────────────────────────────────────────────────────────────

  /** The response with its header. Throws or rejects with what member or state machine refuse. */
  #propose<Response extends ApplyResponse>(
    kind: EncodedRequest["kind"],
    body: Uint8Array,
  ): Deferred<Response> {
    const { proposals, maxRequestBytes, isBackedUp } = this.#parts;
    if (isBackedUp()) throw new MemberError("too-many-requests");
    if (body.length + ENVELOPE_BYTES > maxRequestBytes) throw new MemberError("too-large");
    // The applier answers each kind of request with its own kind of response.
    return proposals.propose({ kind, body }) as Deferred<Response>;
  }

  #linearizably<T>(read: () => T | Promise<T>): Deferred<T> {
    const pending = new PendingRead(read);
    this.#parts.reads.whenReadable(pending);
    return pending;
  }
}
