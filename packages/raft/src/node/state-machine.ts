/**
 * What the raft node drives: the replicated state machine and its image for members that are too
 * far behind. Implemented by kv's member; a memory twin serves raft's own tests.
 */
import type { Entry, LogIndex, SnapshotMetadata, Term } from "../core/types.js";

export interface StateMachine {
  /** Index of the last entry whose effects are in the state machine, also right after opening. */
  readonly appliedIndex: LogIndex;
  /** Term of that entry; 0 where nothing has been applied. */
  readonly appliedTerm: Term;
  /**
   * Applies committed entries in order, each as a whole (all its proposals: `proposalsOf`) and exactly
   * once over the life of the data directory
   * (the implementation stores its applied index with its data). Synchronous; a throw stops the
   * member, so deterministic refusals are results, not errors.
   */
  apply(entries: readonly Entry[]): void;
  /** Makes all that is applied durable; resolves with the applied index that this covers. */
  flush(): Promise<LogIndex>;
  /** A consistent image at the present applied index, unaffected by later applies. */
  openSnapshot(): Promise<StateMachineImage>;
  /**
   * Replaces the whole state by an image; it is on disk when this resolves. Rejects with
   * `ImageRefusedError` where the image is not whole and the old state still is; any other rejection
   * stops the member.
   */
  installSnapshot(metadata: SnapshotMetadata, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface StateMachineImage {
  readonly index: LogIndex;
  readonly term: Term;
  /** Bytes in chunks of at most 64 KiB; may be iterated once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** The image did not arrive whole, or is not what it was said to be. Nothing was changed. */
export class ImageRefusedError extends Error {
  override readonly name: string = "ImageRefusedError";
}
