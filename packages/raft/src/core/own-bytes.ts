/** An array this much larger than what is used of it is not worth keeping alive. */
const PINNED_FACTOR = 2;

/**
 * `bytes` as a plain array (a Buffer's views are Buffers, whose `slice` does not copy), or a copy where
 * it is a small view of a large array (a socket's buffer, a file) that it would keep in memory for
 * as long as the log has the entry.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength > PINNED_FACTOR * bytes.length) return new Uint8Array(bytes);
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
