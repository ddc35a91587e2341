/** Choices of simulated clients and faults, drawn from a stream of chance. */
import { assert, type Random, randomBelow, randomFraction } from "@sagong/base";

/** Uniform over the integers from `min` to `max`, both included. */
export function between(random: Random, [min, max]: readonly [min: number, max: number]): number {
  return min + randomBelow(random, max - min + 1);
}

export function happens(random: Random, share: number): boolean {
  return randomFraction(random) < share;
}

export function oneOf<T>(random: Random, choices: readonly [T, ...T[]] | readonly T[]): T {
  assert(choices.length > 0, "there is something to choose from");
  return choices[randomBelow(random, choices.length)] as T; // Below the length.
}

/** Names with weights: the heavier, the more often. Weights are >= 0 and not all 0. */
export function weighted<Name extends string>(
  random: Random,
  weights: Readonly<Record<Name, number>>,
): Name {
  let sum = 0;
  for (const name in weights) sum += weights[name];
  assert(sum > 0, "at least one weight is above 0");
  let at = randomFraction(random) * sum;
  let last: Name | undefined;
  for (const name in weights) {
    const weight = weights[name];
    if (at < weight) return name;
    at -= weight;
    if (weight > 0) last = name;
  }
  return last as Name; // By rounding; there is one, for the sum is above 0.
}

/** Waiting times of independent arrivals: exponential with this mean, cut at eight times of it. */
export function arrivalMs(random: Random, meanMs: number): number {
  return Math.min(8, -Math.log(1 - randomFraction(random))) * meanMs;
}

/** Each of `items` once, in a random order (Fisher and Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T]; // Both are within.
  }
  return result;
}
