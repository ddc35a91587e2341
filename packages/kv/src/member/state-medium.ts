/**
 * Where the state machine's bytes are kept, beyond what MVCC itself asks of a backend: opening,
 * durability, images. `LevelBackend` is the real one; a memory twin serves tests that need no disk.
 */
import type { Backend } from "../mvcc/backend.js";

export type Pair = readonly [key: Uint8Array, value: Uint8Array];

export interface ImageSteps {
  /** Looks at all pairs of the image, in order of keys; a rejection refuses the image. */
  readonly inspect: (pairs: AsyncIterable<readonly Pair[]>) => Promise<void>;
  /** From here on, until the installation ends, nothing may be read. */
  readonly beforeSwap: () => void;
}

export interface StateMedium extends Backend {
  /** Everything in order of keys; only while nothing is being written. */
  scan(): AsyncIterable<readonly Pair[]>;
  /** Resolves when all that is committed now is on disk. */
  flush(): Promise<void>;
  readonly backlogBytes: number;
  sizeBytes(): Promise<number>;
  /** Gives the space of deleted pairs back, beside reads and writes. */
  reclaim(): Promise<void>;
  /** `mark` is the applied mark as it stands inside the image. */
  openImage(): Promise<{
    readonly mark: Uint8Array | undefined;
    readonly chunks: AsyncIterable<Uint8Array>;
    close(): Promise<void>;
  }>;
  /**
   * Replaces everything by an image; it is on disk when this resolves. Rejects with
   * `ImageRefusedError` where the old state still stands; after any other rejection nothing works.
   */
  installImage(chunks: AsyncIterable<Uint8Array>, steps: ImageSteps): Promise<void>;
  close(): Promise<void>;
}
