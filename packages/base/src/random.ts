/**
 * Randomness as a parameter: the one seeded integer generator (xoshiro128**, Blackman and Vigna
 * 2018), so that a run with the same seed is the same run. Security-relevant randomness (keys,
 * tokens) does not come from here.
 */
export interface Random {
  /** Uniform over the unsigned 32-bit numbers. */
  nextUint32(): number;
}

/** A generator whose whole sequence follows from `seed` (a safe integer). */
export function seededRandom(seed: number): Random {
  const next = splitMix32(seed);
  let [a, b, c, d] = [next(), next(), next(), next()];
  return {
    nextUint32(): number {
      const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = rotateLeft(d, 11);
      return result;
    },
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function splitMix32(seed: number): () => number {
  // Both halves of a safe integer count, so that seeds 1 and 2^32 + 1 differ.
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b9)) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}

/** Uniform over `[0, limit)`; limit is at most 2^32. */
export function randomBelow(random: Random, limit: number): number {
  return Math.floor((random.nextUint32() / 2 ** 32) * limit);
}

/** Uniform over `[0, 1)`, 32 bits fine. */
export function randomFraction(random: Random): number {
  return random.nextUint32() / 2 ** 32;
}

/** A non-zero id of 63 bits, positive as a signed 64-bit number too (lease ids are signed). */
export function randomId(random: Random): bigint {
  const high = BigInt(random.nextUint32() & 0x7fffffff);
  return (high << 32n) | BigInt(random.nextUint32()) || 1n;
}
