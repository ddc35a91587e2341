/**
 * What the leader knows of one follower's log, and how fast it may send to it:
 *
 *   probe      one append at a time, to find where the logs agree
 *   replicate  appends follow each other, as many as the inflight limits allow
 *   snapshot   it needs an image of the state machine; nothing is appended meanwhile
 */
import type { LogIndex } from "./types.js";

export interface InflightLimits {
  readonly messages: number;
  readonly bytes: number;
}

interface Inflight {
  /** The last index of that message. */
  readonly index: LogIndex;
  readonly bytes: number;
}

export class Progress {
  state: "probe" | "replicate" | "snapshot" = "probe";
  /** The follower's log is known to agree up to here. Invariant: match < next. */
  match: LogIndex = 0;
  /** The first entry that the next append carries. */
  next: LogIndex;
  /** The commit index that it was told last. */
  sentCommit: LogIndex = 0;
  /** It has answered since the last check-quorum. */
  recentlyActive = false;
  /** In probe: an append is on its way. */
  probing = false;
  /** It has said that no client uses it. */
  isIdle = false;
  /** In replicate: its entries wait for others (sparing.ts). */
  isSpared = false;
  /** In snapshot: the image's index. */
  pendingSnapshot: LogIndex = 0;
  readonly #limits: InflightLimits;
  #inflights: Inflight[] = [];
  #inflightBytes = 0;

  constructor(next: LogIndex, limits: InflightLimits) {
    this.next = next;
    this.#limits = limits;
  }

  get isPaused(): boolean {
    switch (this.state) {
      case "probe":
        return this.probing;
      case "replicate":
        return (
          this.#inflights.length >= this.#limits.messages ||
          this.#inflightBytes >= this.#limits.bytes
        );
      case "snapshot":
        return true;
    }
  }

  becomeProbe(): void {
    // After a snapshot the follower has at least the image.
    const next =
      this.state === "snapshot" ? Math.max(this.match, this.pendingSnapshot) : this.match;
    this.#become("probe");
    this.next = next + 1;
  }

  becomeReplicate(): void {
    this.#become("replicate");
    this.next = this.match + 1;
  }

  becomeSnapshot(index: LogIndex): void {
    this.#become("snapshot");
    this.pendingSnapshot = index;
  }

  sent(lastIndex: LogIndex, bytes: number): void {
    if (this.state === "probe") {
      this.probing = true;
      return;
    }
    this.next = lastIndex + 1;
    this.#inflights.push({ index: lastIndex, bytes });
    this.#inflightBytes += bytes;
  }

  /** An accepted append; false where it tells nothing new. */
  maybeUpdate(index: LogIndex): boolean {
    let freed = 0;
    while (freed < this.#inflights.length) {
      const inflight = this.#inflights[freed] as Inflight; // In range by the loop.
      if (inflight.index > index) break;
      this.#inflightBytes -= inflight.bytes;
      freed++;
    }
    if (freed > 0) this.#inflights.splice(0, freed);
    const isNew = index > this.match;
    this.match = Math.max(this.match, index);
    this.next = Math.max(this.next, index + 1);
    if (isNew) this.probing = false;
    return isNew;
  }

  /**
   * A rejected append; false where it is old news. A follower that rejects what it had acknowledged
   * has lost it: it is not counted for it any more, and gets it again. (That it has lost it is beyond
   * what Raft promises to survive; that it is never repaired need not be added to that.) An old
   * rejection that is taken for such a one costs entries that are sent twice.
   */
  maybeDecrease(rejected: LogIndex, hint: LogIndex): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      return true;
    }
    if (this.next - 1 !== rejected) return false; // An answer to an older probe.
    if (rejected <= this.match) this.match = Math.min(hint, rejected - 1);
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probing = false;
    return true;
  }

  /** A heartbeat was answered: a lost probe or a full window may go on with one more append. */
  resume(): void {
    this.probing = false;
    if (this.state === "replicate" && this.isPaused) {
      const dropped = this.#inflights.shift();
      this.#inflightBytes -= dropped?.bytes ?? 0;
    }
  }

  #become(state: Progress["state"]): void {
    this.state = state;
    this.isSpared = false;
    this.probing = false;
    this.pendingSnapshot = 0;
    this.sentCommit = 0; // What was under way may be lost.
    this.#inflights = [];
    this.#inflightBytes = 0;
  }
}
