/**
 * Members against each other: replicas of one log must be replicas.
 *
 * Verified:
 * - `members-equal-hash`: etcd's HashKV is equal where revision and compacted revision are;
 * - `members-equal`: the applied state is the same to the last byte (digests) at the same applied
 *   index, in whichever order and at whichever time members were looked at.
 * Not verified: which of two that differ is right (linearizability.ts says); a state that nobody
 * looked at; what is not part of the digest.
 */
import type { Violation } from "../history/history.js";

export interface MemberHash {
  readonly member: string;
  readonly revision: number;
  readonly compactRevision: number;
  readonly hash: number;
}

export function checkHashes(hashes: readonly MemberHash[]): readonly Violation[] {
  const violations: Violation[] = [];
  const first = new Map<string, MemberHash>();
  for (const one of hashes) {
    const { member, revision, compactRevision, hash } = one;
    const name = `${revision} ${compactRevision}`;
    const other = first.get(name);
    if (!other) first.set(name, one);
    else if (other.hash !== hash) {
      const text =
        `HashKV of revision ${revision}, compacted at ${compactRevision}: ` +
        `${other.member} has ${other.hash}, ${member} has ${hash}`;
      violations.push({ guarantee: "members-equal-hash", text });
    }
  }
  return violations;
}

/** Indexes whose digests are kept for comparison; members are looked at within far fewer of them. */
const INDEXES_MAX = 100_000;

/** Over a run: tell it of every digest that anybody takes. */
export class AppliedDigests {
  readonly #first = new Map<number, { readonly member: string; readonly digest: string }>();

  observe(
    member: string,
    { index, digest }: { readonly index: number; readonly digest: string },
  ): Violation | undefined {
    const other = this.#first.get(index);
    if (!other) {
      this.#first.set(index, { member, digest });
      const [oldest] = this.#first.keys();
      if (this.#first.size > INDEXES_MAX && oldest !== undefined) this.#first.delete(oldest);
      return undefined;
    }
    if (other.digest === digest) return undefined;
    const text =
      `the state at applied index ${index} differs: ` +
      `${other.member} has ${other.digest}, ${member} has ${digest}`;
    return { guarantee: "members-equal", text };
  }
}
