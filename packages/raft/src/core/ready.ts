/**
 * What the core wants done, and in which order. The owner's duties for one `Ready`:
 *
 *   1. send `messages` at once: they depend on nothing that is not on disk
 *   2. write `hardState` and `entries` to disk, in one record, with one fsync
 *   3. only then send `afterPersist`: votes, and acknowledgements of entries (figure 2: "Updated
 *      on stable storage before responding to RPCs")
 *   4. apply `committed`, in order
 *   5. call `advance` with this Ready
 *
 * While step 2 is under way the owner goes on stepping the core and sends `takeMessages()`; the
 * next Ready is taken after `advance`. A leader's appends thus travel beside its own fsync; it
 * counts itself towards the quorum only after it (thesis §10.2.1).
 */
import type { Message } from "./message.js";
import type { ReadAnswer } from "./leader-reads.js";
import type { Entry, HardState } from "./types.js";

export interface Ready {
  /** Set where term, vote or commit changed since the last one. */
  readonly hardState: HardState | undefined;
  /** Whether 2 must be durable before 3: entries, a term or a vote, not a mere commit index. */
  readonly mustSync: boolean;
  /** To be written; an index that is on disk already replaces what is there from it on. */
  readonly entries: readonly Entry[];
  readonly messages: readonly Message[];
  readonly afterPersist: readonly Message[];
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadAnswer[];
}
