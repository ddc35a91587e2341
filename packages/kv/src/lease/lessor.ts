/**
 * Leases: who has one, which keys hang on it, and, on the leader, when it ends. Pure: time comes in
 * as `nowMs` of a monotonic clock.
 *
 * Every member knows ids, TTLs and keys (they are in the log); only the leader knows ends. A new
 * leader gives every lease its full TTL and more: none ends early because a renewal was lost with
 * the old leader (etcd's rule; how much more is the keeper's to say).
 */
import { compareText, crc32c, encodeUtf8 } from "@sagong/base";
export interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly keys: Set<string>;
  /** On the leader: when it ends. Infinity elsewhere. */
  expiresMs: number;
}

export class Lessor {
  #leases = new Map<bigint, Lease>();
  #leaseOfKey = new Map<string, bigint>();
  #isLeader = false;
  #check = 0;

  /**
   * Follows from the ids and TTLs that there are, in whatever order they came; never 0. It stands in
   * the applied mark: a lease that a damaged database has lost is noticed.
   */
  get check(): number {
    return this.#check || 1;
  }

  get size(): number {
    return this.#leases.size;
  }

  get(id: bigint): Lease | undefined {
    return this.#leases.get(id);
  }

  /** In order of ids. */
  all(): Lease[] {
    return [...this.#leases.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  grant(id: bigint, ttlSeconds: number, nowMs: number): Lease {
    const expiresMs = this.#isLeader ? nowMs + ttlSeconds * 1000 : Number.POSITIVE_INFINITY;
    const lease = { id, ttlSeconds, keys: new Set<string>(), expiresMs };
    this.#leases.set(id, lease);
    this.#check = (this.#check ^ checkOf(lease)) >>> 0;
    return lease;
  }

  /** Forgets the lease; its keys, in order, are the caller's to delete. */
  revoke(id: bigint): string[] {
    const lease = this.#leases.get(id);
    if (!lease) return [];
    this.#leases.delete(id);
    this.#check = (this.#check ^ checkOf(lease)) >>> 0;
    for (const key of lease.keys) this.#leaseOfKey.delete(key);
    return [...lease.keys].toSorted(compareText);
  }

  /** `id` 0n: the key hangs on no lease any more. */
  attach(key: string, id: bigint): void {
    if (id === 0n && this.#leaseOfKey.size === 0) return; // Not even looked up where there are none.
    const before = this.#leaseOfKey.get(key);
    if (before === id) return;
    if (before !== undefined) this.#leases.get(before)?.keys.delete(key);
    if (id === 0n) {
      this.#leaseOfKey.delete(key);
      return;
    }
    this.#leases.get(id)?.keys.add(key);
    this.#leaseOfKey.set(key, id);
  }

  /**
   * The new TTL; undefined where there is no such lease. On the leader only. It never shortens what
   * `promote` gave: a former leader that has not heard of its end may promise later ends for a while.
   */
  renew(id: bigint, nowMs: number): number | undefined {
    const lease = this.#leases.get(id);
    if (!lease) return undefined;
    lease.expiresMs = Math.max(lease.expiresMs, nowMs + lease.ttlSeconds * 1000);
    return lease.ttlSeconds;
  }

  /** Whole seconds left, at least 0; the granted TTL where this member does not lead. */
  remainingSeconds(lease: Lease, nowMs: number): number {
    if (!Number.isFinite(lease.expiresMs)) return lease.ttlSeconds;
    return Math.max(0, Math.floor((lease.expiresMs - nowMs) / 1000));
  }

  promote(nowMs: number, extendMs: number): void {
    this.#isLeader = true;
    for (const lease of this.#leases.values()) {
      lease.expiresMs = nowMs + lease.ttlSeconds * 1000 + extendMs;
    }
  }

  demote(): void {
    this.#isLeader = false;
    for (const lease of this.#leases.values()) lease.expiresMs = Number.POSITIVE_INFINITY;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** At most `limit` leases that have ended, the first to end first. Empty off the leader. */
  expired(nowMs: number, limit: number): bigint[] {
    if (!this.#isLeader) return [];
    return [...this.#leases.values()]
      .filter(({ expiresMs }) => expiresMs <= nowMs)
      .toSorted((a, b) => a.expiresMs - b.expiresMs)
      .slice(0, limit)
      .map(({ id }) => id);
  }

  /** Takes over what `other` was loaded with, which is not to be used any more. */
  adopt(other: Lessor): void {
    this.#leases = other.#leases;
    this.#leaseOfKey = other.#leaseOfKey;
    this.#check = other.#check;
  }
}

function checkOf({ id, ttlSeconds }: Lease): number {
  return crc32c(encodeUtf8(`${id} ${ttlSeconds}`));
}
