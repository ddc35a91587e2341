/**
 * A running member as its clients see it: the answers to every call of the edge. It holds the parts
 * and says in which order they are asked (check, quota, propose, answer); it owns none of them.
 *
 *     write   validate ─▶ quota ─▶ propose ─▶ raft ─▶ apply ─▶ result ─▶ response
 *     read    validate ─▶ (linearizable: one ReadIndex round for all) ─▶ local state ─▶ response
 */
import { type Random, randomId } from "@sagong/base";
import type { RaftNode } from "@sagong/raft";
import type { Applier, ApplyResponse, ApplyResult } from "../apply/applier.js";
import { range } from "../apply/range.js";
import { isReadOnlyTxn, isSerializableTxn } from "../apply/txn.js";
import {
  validateCompaction,
  validateDeleteRange,
  validatePut,
  validateRange,
  validateTxn,
} from "../apply/validate-request.js";
import type {
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  TxnRequest,
  TxnResponse,
} from "../gen/rpc.js";
import { InternalRequest, type MemberAttributes } from "../gen/store.js";
import type { Lessor } from "../lease/lessor.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import type { KvApi, LeaseApi } from "../rpc/store-api.js";
import type { BackgroundLoop } from "./background-loop.js";
import type { KvStateMachine } from "./kv-state-machine.js";
import type { LinearizableReads } from "./linearizable-reads.js";
import { MemberError } from "./member-error.js";
import type { PeerLeases } from "./peer-lease-service.js";
import type { Proposals } from "./proposals.js";
import { LEASE_COST_BYTES, putCostBytes, type Quota, txnCostBytes } from "./quota.js";

export interface StoreMemberParts {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly raft: RaftNode;
  readonly store: MvccStore;
  readonly machine: Pick<KvStateMachine, "replacement">;
  readonly lessor: Lessor;
  readonly applier: Applier;
  readonly proposals: Proposals<ApplyResult>;
  readonly reads: LinearizableReads;
  /** Asks whoever leads. */
  readonly leaderLeases: PeerLeases;
  readonly quota: Quota;
  readonly compaction: BackgroundLoop;
  readonly random: Random;
  /** True where the disk is too far behind for more work. */
  readonly isBackedUp: () => boolean;
}

type RequestBody = NonNullable<InternalRequest["request"]>;

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

  // ── KV ───────────────────────────────────────────────────────────────────────────────────────

  range(request: RangeRequest): RangeResponse | Promise<RangeResponse> {
    validateRange(request);
    const read = (): RangeResponse => this.#rangeNow(request);
    if (request.serializable) return this.#whenReadable(read);
    return this.#parts.reads.wait().then(() => this.#whenReadable(read));
  }

  /** Refuses by throwing at once; not async, since each promise more is felt in puts a second. */
  put(request: PutRequest): Promise<PutResponse> {
    validatePut(request);
    this.#parts.quota.admit(putCostBytes(request));
    return this.#propose<PutResponse>({ kind: "put", value: request });
  }

  async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    validateDeleteRange(request);
    return await this.#propose<DeleteRangeResponse>({ kind: "deleteRange", value: request });
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    const { maxTxnOps, quota, reads, applier } = this.#parts;
    validateTxn(request, maxTxnOps);
    if (isReadOnlyTxn(request)) {
      if (!isSerializableTxn(request)) await reads.wait();
      return await this.#whenReadable(() => ({
        ...applier.evaluate(request),
        header: this.header(),
      }));
    }
    quota.admit(txnCostBytes(request));
    return await this.#propose<TxnResponse>({ kind: "txn", value: request });
  }

  /** `physical`: answered when the space is given up, not just when the revision is. */
  async compact(request: CompactionRequest): Promise<CompactionResponse> {
    validateCompaction(request);
    const response = await this.#propose<CompactionResponse>({ kind: "compact", value: request });
    if (request.physical) await this.#parts.compaction.idle();
    return response;
  }

  /** At once, but for the moment in which an image takes the database's place. */
  #whenReadable<T>(read: () => T): T | Promise<T> {
    const { replacement } = this.#parts.machine;
    return replacement ? replacement.then(() => this.#whenReadable(read)) : read();
  }

  #rangeNow(request: RangeRequest): RangeResponse {
    const { store } = this.#parts;
    const { kvs, more, count } = range(store, request);
    return { header: this.header(), kvs, more, count };
  }

  // ── Leases ───────────────────────────────────────────────────────────────────────────────────

  async grant(request: LeaseGrantRequest): Promise<LeaseGrantResponse> {
    this.#parts.quota.admit(LEASE_COST_BYTES);
    const id = request.id === 0n ? randomId(this.#parts.random) : request.id;
    return await this.#propose<LeaseGrantResponse>({
      kind: "leaseGrant",
      value: { ttl: request.ttl, id },
    });
  }

  async revoke({ id }: LeaseRevokeRequest): Promise<LeaseRevokeResponse> {
    return await this.#propose<LeaseRevokeResponse>({
      kind: "leaseRevoke",
      value: { id, expiredInTerm: 0 },
    });
  }

  /** Ends a lease that was found expired in `term`; void in any other term. */
  async expire({ id, term }: { readonly id: bigint; readonly term: number }): Promise<void> {
    await this.#propose({ kind: "leaseRevoke", value: { id, expiredInTerm: term } });
  }

  async keepAlive(request: LeaseKeepAliveRequest): Promise<LeaseKeepAliveResponse> {
    const { id, ttl } = await this.#parts.leaderLeases.renew(request);
    return { header: this.header(), id, ttl };
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
    await this.#propose({ kind: "memberAttributes", value: attributes });
  }

  // ── The way through the log ──────────────────────────────────────────────────────────────────

  /** The response with its header. Throws or rejects with what member or state machine refuse. */
  #propose<Response extends ApplyResponse>(request: RequestBody): Promise<Response> {
    const { proposals, memberId, maxRequestBytes } = this.#parts;
    if (this.#parts.isBackedUp()) throw new MemberError("too-many-requests");
    return proposals
      .propose((sequence) => {
        const data = InternalRequest.encode({ memberId, sequence, request });
        if (data.length > maxRequestBytes) throw new MemberError("too-large");
        return data;
      })
      .then((result) => {
        if ("error" in result) throw result.error;
        // The applier answers each kind of request with its own kind of response.
        const response = result.response as Response;
        return { ...response, header: this.header(result.revision) };
      });
  }
}
