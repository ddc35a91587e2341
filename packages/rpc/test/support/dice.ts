/** Choices by seed, and the seeds that a test runs. */
import { type Random, randomBelow, seededRandom } from "@sagong/base";

export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return randomBelow(this.#random, limit);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T; // In range; lists have at least one item.
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** Small most of the time, now and then up to `limit`. */
  size(limit: number): number {
    return this.below([10, 300, 5_000, limit][this.below(4)] ?? limit);
  }
}

/**
 * Runs `test` with `count` fixed seeds, or with as many as SAGONG_FUZZ_SEEDS says. What it throws
 * names the seed: set SAGONG_FUZZ_SEED to it to run that one alone.
 */
export function forSeeds(count: number, test: (dice: Dice, seed: number) => void): void {
  const only = process.env["SAGONG_FUZZ_SEED"];
  const wanted = Number(process.env["SAGONG_FUZZ_SEEDS"] ?? count);
  const seeds =
    only === undefined ? Array.from({ length: wanted }, (_, i) => i + 1) : [Number(only)];
  for (const seed of seeds) {
    try {
      test(new Dice(seed), seed);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`With seed ${seed}: ${text}`, { cause: error });
    }
  }
}
