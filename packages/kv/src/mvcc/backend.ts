/**
 * The ordered byte store below MVCC. Reads are synchronous and see every write at once; writes
 * collect into a batch that becomes durable as a whole, in order. Memory and LevelDB implement it
 * (src/backend) and pass one suite.
 */
export interface Backend {
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Ends the batch: what was written since the last commit reaches the disk together or not. */
  commit(): void;
  /** From now on `writer` has a share in every batch; in place of the one before it. */
  join(writer: LateWriter): void;
}

/**
 * Whoever writes pairs that several commits may share, and so makes them only when a batch leaves for
 * the disk. Its pairs are visible to `get` from then on; before, they are its own to read.
 */
export interface LateWriter {
  /** Bytes that are committed and not handed over yet, roughly. */
  readonly waitingBytes: number;
  /** Whether there is something that `onWrite` would hand over. */
  readonly hasCommitted: boolean;
  /** What it has now belongs to the batch that is being committed. */
  onCommit(): void;
  /** A batch leaves: hands over what was committed, and nothing else. */
  onWrite(put: (key: Uint8Array, value: Uint8Array) => void): void;
  /** What it holds belongs to a database that was replaced. */
  onReplaced(): void;
}

/** Key spaces: the first byte of every key, in the order of a scan. */
export const SPACE_MEMBER = 0x65; // "e": member id → sagong.store.MemberAttributes
export const SPACE_LEASE = 0x6c; // "l": lease id → sagong.store.LeaseRecord
export const SPACE_META = 0x6d; // "ma": sagong.store.AppliedMark; "mb": blocks-check.ts
/** "r": revision → mvccpb.KeyValue, one pair a version. Read, and not written any more. */
export const SPACE_REVISION = 0x72;
export const SPACE_BLOCK = 0x76; // "v": revision of the first version → block of versions

export const APPLIED_MARK_KEY: Uint8Array = Uint8Array.of(SPACE_META, 0x61);

export function leaseKey(id: bigint): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = SPACE_LEASE;
  new DataView(key.buffer).setBigUint64(1, BigInt.asUintN(64, id));
  return key;
}
