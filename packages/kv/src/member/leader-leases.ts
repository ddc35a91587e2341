/**
 * Renewals and remaining times are the leader's to tell: answers them here where this member leads,
 * and asks the leader otherwise, again and again through a change of leader (as etcd does), since
 * both may be asked twice without harm.
 */
import { type Clock, delay } from "@sagong/base";
import type { RaftNode } from "@sagong/raft";
import { RpcError, StatusCode } from "@sagong/rpc";
import type {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from "../gen/rpc.js";
import type { LeaseKeeper } from "./lease-keeper.js";
import { MemberError } from "./member-error.js";
import type { PeerLeases } from "./peer-lease-service.js";

/** This member's own answers; "not leader" where it does not lead. Served to other members. */
export class OwnLeases implements PeerLeases {
  readonly #keeper: LeaseKeeper;

  constructor(keeper: LeaseKeeper) {
    this.#keeper = keeper;
  }

  renew({ id }: LeaseKeepAliveRequest): LeaseKeepAliveResponse | Promise<LeaseKeepAliveResponse> {
    if (!this.#keeper.isPrimary) throw new MemberError("not-leader");
    const ttl = this.#keeper.renew(id);
    if (typeof ttl === "number") return { header: undefined, id, ttl };
    return ttl.then((later) => ({ header: undefined, id, ttl: later }));
  }

  async timesOf({ id, keys }: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    if (!this.#keeper.isPrimary) throw new MemberError("not-leader");
    const times = await this.#keeper.timesOf(id, { withKeys: keys });
    return {
      header: undefined,
      id,
      ttl: times.ttlSeconds,
      grantedTtl: times.grantedSeconds,
      keys: times.keys,
    };
  }
}

export interface LeaderLeasesOptions {
  readonly own: PeerLeases;
  readonly raft: Pick<RaftNode, "status">;
  readonly memberId: bigint;
  /** The leases of another member, over its peer port. */
  readonly peer: (memberId: bigint) => PeerLeases | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborted when the member closes, with what is then answered. */
  readonly signal: AbortSignal;
}

/** etcd's pause before it asks for the leader again. */
const RETRY_MS = 50;

export class LeaderLeases implements PeerLeases {
  readonly #options: LeaderLeasesOptions;

  constructor(options: LeaderLeasesOptions) {
    this.#options = options;
  }

  /** Refuses by throwing at once or by rejecting. */
  renew(request: LeaseKeepAliveRequest): LeaseKeepAliveResponse | Promise<LeaseKeepAliveResponse> {
    const { raft, memberId, own } = this.#options;
    if (raft.status().leaderId === memberId) {
      try {
        const answer = own.renew(request);
        if (!(answer instanceof Promise)) return answer;
        return this.#ask((leases) => leases.renew(request), answer);
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
    }
    return this.#ask((leases) => leases.renew(request));
  }

  timesOf(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    return this.#ask((leases) => leases.timesOf(request));
  }

  /** `first`: the question is asked already. */
  async #ask<T>(question: (leases: PeerLeases) => T | Promise<T>, first?: Promise<T>): Promise<T> {
    const { clock, timeoutMs, signal } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    let answer: T | Promise<T> | undefined = first;
    for (;;) {
      signal.throwIfAborted();
      const leases = this.#atLeader();
      try {
        if (answer === undefined && leases) answer = question(leases);
        if (answer !== undefined) return await answer;
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      answer = undefined;
      if (clock.monotonicMs() >= deadlineMs) {
        throw new MemberError(leases ? "timeout" : "no-leader");
      }
      await delay(clock, RETRY_MS, signal);
    }
  }

  #atLeader(): PeerLeases | undefined {
    const { raft, memberId, own, peer } = this.#options;
    const { leaderId } = raft.status();
    if (leaderId === undefined) return undefined;
    return leaderId === memberId ? own : peer(leaderId);
  }
}

/** Whether another moment, or another leader, may answer. */
function isTransient(error: unknown): boolean {
  if (error instanceof MemberError) return ["not-leader", "leader-changed"].includes(error.code);
  if (!(error instanceof RpcError)) return false;
  const { code } = error;
  return (
    code === StatusCode.unavailable ||
    code === StatusCode.failedPrecondition ||
    code === StatusCode.deadlineExceeded
  );
}
