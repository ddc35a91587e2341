/**
 * A running member as its operators see it: members, status, alarms, hashes, leadership. Nothing
 * here goes through the log; alarms and sizes are this member's own.
 */
import type { RaftNode } from "@sagong/raft";
import {
  AlarmAction,
  type AlarmMember,
  type AlarmRequest,
  type AlarmResponse,
  AlarmType,
  type DefragmentResponse,
  type HashKVRequest,
  type HashKVResponse,
  type HashResponse,
  type Member,
  type MemberListRequest,
  type MemberListResponse,
  type MoveLeaderRequest,
  type MoveLeaderResponse,
  type ResponseHeader,
  StatusResponse,
} from "../gen/rpc.js";
import type { HashResult, MvccStore } from "../mvcc/mvcc-store.js";
import type { ClusterApi, MaintenanceApi } from "../rpc/store-api.js";
import { RpcError, StatusCode } from "@sagong/rpc";
import { ETCD_API_VERSION } from "../version.js";
import type { KvStateMachine } from "./kv-state-machine.js";
import type { LinearizableReads } from "./linearizable-reads.js";
import { MemberError } from "./member-error.js";
import type { Quota } from "./quota.js";

export interface StoreAdminParts {
  readonly memberId: bigint;
  readonly header: (revision?: number) => ResponseHeader;
  readonly members: () => readonly Member[];
  readonly raft: RaftNode;
  readonly store: MvccStore;
  readonly machine: Pick<KvStateMachine, "replacement">;
  readonly reads: LinearizableReads;
  readonly quota: Quota;
  readonly quotaBytes: number;
  /** Runs a callback in the next turn of the event loop. */
  readonly defer: (callback: () => void) => void;
}

export class StoreAdmin implements ClusterApi, MaintenanceApi {
  readonly #parts: StoreAdminParts;

  constructor(parts: StoreAdminParts) {
    this.#parts = parts;
  }

  async memberList({ linearizable }: MemberListRequest): Promise<MemberListResponse> {
    if (linearizable) await this.#parts.reads.wait();
    // etcd's headers of Cluster calls carry no revision.
    return { header: this.#parts.header(0), members: this.#parts.members() };
  }

  status(): StatusResponse {
    const { raft, store, quota, quotaBytes } = this.#parts;
    const { leaderId, commitIndex, appliedIndex, term } = raft.status();
    const errors = leaderId === undefined ? ["etcdserver: no leader"] : [];
    for (const { memberId } of this.alarms()) errors.push(`memberID:${memberId} alarm:NOSPACE `);
    return StatusResponse.create({
      header: this.#parts.header(store.revision),
      version: ETCD_API_VERSION,
      storageVersion: ETCD_API_VERSION,
      dbSize: quota.sizeBytes,
      dbSizeInUse: quota.sizeBytes,
      dbSizeQuota: Math.max(0, quotaBytes),
      leader: leaderId ?? 0n,
      raftIndex: commitIndex,
      raftTerm: term,
      raftAppliedIndex: appliedIndex,
      errors,
      downgradeInfo: { enabled: false, targetVersion: "" },
    });
  }

  alarms(): readonly AlarmMember[] {
    const { quota, memberId } = this.#parts;
    return quota.isAlarmed ? [{ memberId, alarm: AlarmType.NOSPACE }] : [];
  }

  async alarm({ action }: AlarmRequest): Promise<AlarmResponse> {
    switch (action) {
      case AlarmAction.GET:
        return { header: this.#parts.header(), alarms: this.alarms() };
      case AlarmAction.DEACTIVATE:
        // Alarms clear themselves once the cause is gone: there is never one to disarm.
        return { header: this.#parts.header(), alarms: [] };
      default:
        throw new RpcError(
          StatusCode.unimplemented,
          "raising an alarm by hand is not supported: alarms follow the space that is in use",
        );
    }
  }

  /** LevelDB compacts beside requests: there is nothing that has to stop the member. */
  defragment(): DefragmentResponse {
    return { header: this.#parts.header() };
  }

  async hash(): Promise<HashResponse> {
    const { hash, revision } = await this.#hash(0);
    return { header: this.#parts.header(revision), hash };
  }

  async hashKv(request: HashKVRequest): Promise<HashKVResponse> {
    const { hash, revision, compactRevision } = await this.#hash(request.revision);
    return { header: this.#parts.header(), hash, compactRevision, hashRevision: revision };
  }

  async moveLeader({ targetId }: MoveLeaderRequest): Promise<MoveLeaderResponse> {
    const { raft, memberId, members } = this.#parts;
    if (raft.status().leaderId !== memberId) throw new MemberError("not-leader");
    if (!members().some((member) => member.id === targetId)) {
      throw new MemberError("bad-leader-transferee");
    }
    if (targetId !== memberId) {
      await raft.transferLeadership(targetId).catch((error: unknown) => {
        throw new MemberError("timeout-leader-transfer", { cause: error });
      });
    }
    return { header: this.#parts.header() };
  }

  /** Leaves the event loop to others between its steps. */
  async #hash(revision: number): Promise<HashResult> {
    const steps = this.#parts.store.hash(revision);
    for (;;) {
      await this.#parts.machine.replacement;
      const step = steps.next();
      if (step.done) return step.value;
      await new Promise<void>((resolve) => this.#parts.defer(resolve));
    }
  }
}
