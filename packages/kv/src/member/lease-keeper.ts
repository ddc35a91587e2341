/**
 * What a member does about leases besides applying requests on them: it ends those that expire and
 * renews those that are kept alive, on the leader; elsewhere it asks the leader.
 *
 * K1 only a leader that has applied everything of earlier terms judges by time: until then its
 *    lessor is not promoted.
 * K2 a revocation carries the term in which the lease was found expired, and is void in another
 *    one: a leader that was deposed without knowing revokes nothing (etcd #12528, #15247).
 * K3 "no such lease" is said only after a linearizable read: a leader that lags in applying must
 *    not tell a client that its lease is lost.
 */
import { type Clock, compareText, errorText, type Logger, type Timer } from "@sagong/base";
import type { RaftNode, RaftStatus } from "@sagong/raft";
import type { Lease, Lessor } from "../lease/lessor.js";
import { fromBinaryString } from "../mvcc/binary-string.js";
import type { AppliedWaiters } from "./applied-waiters.js";
import type { LinearizableReads } from "./linearizable-reads.js";
import { MemberError } from "./member-error.js";

export interface LeaseKeeperOptions {
  readonly lessor: Lessor;
  readonly raft: Pick<RaftNode, "status" | "onLeaderChange">;
  readonly reads: Pick<LinearizableReads, "wait">;
  readonly applied: Pick<AppliedWaiters, "until">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly electionTimeoutMs: number;
  /** Proposes the revocation; rejects where it was not applied. */
  readonly revoke: (request: { readonly id: bigint; readonly term: number }) => Promise<void>;
}

export interface LeaseTimes {
  /** Seconds; −1 where there is no such lease. */
  readonly ttlSeconds: number;
  readonly grantedSeconds: number;
  readonly keys: readonly Uint8Array[];
}

/** How often the leader looks for leases that have ended (etcd's). */
const EXPIRY_CHECK_MS = 500;
/** Together with the interval: at most 1,000 revocations a second (etcd's rate). */
const REVOCATIONS_PER_CHECK = 500;
/** Revocations on their way at once (etcd's). */
const PENDING_REVOCATIONS_MAX = 16;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #pending = new Set<bigint>();
  readonly #queue: bigint[] = [];
  readonly #forgetLeaderChange: () => void;
  #timer: Timer | undefined;
  /** The term in which this member leads and has promoted its lessor. */
  #leadingTerm: number | undefined;
  #closed = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#forgetLeaderChange = options.raft.onLeaderChange((status) => this.#changed(status));
    this.#changed(options.raft.status());
    this.#scheduleCheck();
  }

  /** True where this member answers renewals itself. */
  get isPrimary(): boolean {
    return this.#leadingTerm !== undefined;
  }

  /** Granted seconds, or 0 where there is no such lease. Only where this member is primary. */
  renew(id: bigint): number | Promise<number> {
    return this.#renewNow(id) ?? this.#renewLater(id);
  }

  async #renewLater(id: bigint): Promise<number> {
    await this.#options.reads.wait();
    if (!this.isPrimary) throw new MemberError("leader-changed");
    return this.#renewNow(id) ?? 0;
  }

  /** Only where this member is primary. */
  async timesOf(id: bigint, options: { readonly withKeys: boolean }): Promise<LeaseTimes> {
    const { lessor, reads } = this.#options;
    // Keys are part of the state, so reading them must be as fresh as any read.
    if (options.withKeys || !lessor.get(id)) await reads.wait();
    if (!this.isPrimary) throw new MemberError("leader-changed");
    const lease = lessor.get(id);
    if (!lease) return { ttlSeconds: -1, grantedSeconds: 0, keys: [] };
    return {
      ttlSeconds: lessor.remainingSeconds(lease, this.#options.clock.monotonicMs()),
      grantedSeconds: lease.ttlSeconds,
      keys: options.withKeys ? keysOf(lease) : [],
    };
  }

  close(): void {
    this.#closed = true;
    this.#forgetLeaderChange();
    this.#timer?.cancel();
    this.#queue.length = 0;
  }

  /** A lease that has ended is not renewed: its revocation may be on its way already. */
  #renewNow(id: bigint): number | undefined {
    const { lessor, clock } = this.#options;
    const lease = lessor.get(id);
    if (!lease || lease.expiresMs <= clock.monotonicMs()) return undefined;
    return lessor.renew(id, clock.monotonicMs());
  }

  #changed(status: RaftStatus): void {
    const leads = status.role === "leader";
    if (leads && this.#leadingTerm === status.term) return;
    if (this.#leadingTerm !== undefined) this.#demote();
    if (leads) void this.#promote(status.term, status.lastIndex);
  }

  #demote(): void {
    this.#leadingTerm = undefined;
    this.#queue.length = 0;
    this.#options.lessor.demote();
  }

  /** Waits until everything of earlier terms is applied (K1). Never rejects. */
  async #promote(term: number, lastIndex: number): Promise<void> {
    const { applied, raft, lessor, clock, electionTimeoutMs, logger } = this.#options;
    try {
      await applied.until(lastIndex);
    } catch {
      return; // The member closes.
    }
    const now = raft.status();
    if (this.#closed || now.role !== "leader" || now.term !== term) return;
    this.#leadingTerm = term;
    // A former leader may have renewed until its own check of the quorum ended it: that is up to two
    // election timeouts after it was last heard, whereas its followers may have elected at once.
    lessor.promote(clock.monotonicMs(), 2 * electionTimeoutMs);
    logger.debug("leases are kept here now", { term, leases: lessor.size });
  }

  #scheduleCheck(): void {
    this.#timer = this.#options.clock.schedule(EXPIRY_CHECK_MS, () => {
      this.#check();
      if (!this.#closed) this.#scheduleCheck();
    });
  }

  #check(): void {
    if (this.#leadingTerm === undefined) return;
    const { lessor, clock } = this.#options;
    this.#queue.length = 0;
    for (const id of lessor.expired(clock.monotonicMs(), REVOCATIONS_PER_CHECK)) {
      if (!this.#pending.has(id)) this.#queue.push(id);
    }
    this.#revokeSome();
  }

  #revokeSome(): void {
    while (this.#pending.size < PENDING_REVOCATIONS_MAX) {
      const id = this.#queue.shift();
      const term = this.#leadingTerm;
      if (id === undefined || term === undefined) return;
      this.#pending.add(id);
      void this.#revoke(id, term);
    }
  }

  /** Never rejects: what fails is found expired again at the next check. */
  async #revoke(id: bigint, term: number): Promise<void> {
    const { revoke, logger } = this.#options;
    try {
      await revoke({ id, term });
      logger.debug("lease expired", { lease: id.toString(16) });
    } catch (error) {
      const lease = id.toString(16);
      logger.debug("an expired lease was not revoked yet", { lease, error: errorText(error) });
    } finally {
      this.#pending.delete(id);
      this.#revokeSome();
    }
  }
}

function keysOf(lease: Lease): readonly Uint8Array[] {
  return [...lease.keys].toSorted(compareText).map(fromBinaryString);
}
