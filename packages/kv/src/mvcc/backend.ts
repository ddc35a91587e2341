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
}

/** Key spaces: the first byte of every key. */
export const SPACE_REVISION = 0x72; // "r": revision → mvccpb.KeyValue
export const SPACE_LEASE = 0x6c; // "l": lease id → sagong.store.LeaseRecord
export const SPACE_META = 0x6d; // "m": sagong.store.AppliedMark

export const SPACE_MEMBER = 0x65; // "e": member id → sagong.store.MemberAttributes

export const APPLIED_MARK_KEY: Uint8Array = Uint8Array.of(SPACE_META, 0x61);

export function leaseKey(id: bigint): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = SPACE_LEASE;
  new DataView(key.buffer).setBigUint64(1, BigInt.asUintN(64, id));
  return key;
}
