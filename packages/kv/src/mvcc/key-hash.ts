/** The hash by which a key is found in the index. */

const PRIME = 0x01000193; // FNV's.

/**
 * One for a key as text and as bytes. A small integer, so that it needs no object of its own. Four
 * chains side by side: each product waits for the one before it in its chain.
 */
export function hashOfText(key: string): number {
  const { length } = key;
  let a = length;
  let b = 1;
  let c = 2;
  let d = 3;
  let i = 0;
  for (const end = length - 3; i < end; i += 4) {
    a = Math.imul(a ^ key.charCodeAt(i), PRIME);
    b = Math.imul(b ^ key.charCodeAt(i + 1), PRIME);
    c = Math.imul(c ^ key.charCodeAt(i + 2), PRIME);
    d = Math.imul(d ^ key.charCodeAt(i + 3), PRIME);
  }
  for (; i < length; i++) a = Math.imul(a ^ key.charCodeAt(i), PRIME);
  return joined(a, b, c, d);
}

/** The same; every index is in range by the loops. */
export function hashOfBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let a = end - start;
  let b = 1;
  let c = 2;
  let d = 3;
  let i = start;
  for (const last = end - 3; i < last; i += 4) {
    a = Math.imul(a ^ (bytes[i] as number), PRIME);
    b = Math.imul(b ^ (bytes[i + 1] as number), PRIME);
    c = Math.imul(c ^ (bytes[i + 2] as number), PRIME);
    d = Math.imul(d ^ (bytes[i + 3] as number), PRIME);
  }
  for (; i < end; i++) a = Math.imul(a ^ (bytes[i] as number), PRIME);
  return joined(a, b, c, d);
}

// oxlint-disable-next-line max-params -- four numbers that have no names
function joined(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ (b >>> 15), 0x2c1b3c6d) ^ Math.imul(c ^ (d >>> 13), 0x297a2d39);
  // Spreads what the last characters changed over all bits.
  hash = Math.imul(hash ^ (hash >>> 15) ^ d, 0x2c1b3c6d) ^ b;
  hash = Math.imul(hash ^ (hash >>> 13), 0x297a2d39);
  return (hash ^ (hash >>> 16)) >>> 1;
}
