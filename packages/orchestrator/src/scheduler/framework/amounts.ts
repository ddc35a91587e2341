/** Amounts of resources, as whole numbers that add up exactly below 2^53. Pure. */
import { parseQuantity } from "../../api/meta/quantity.js";

/** By resource name: cpu in thousandths, everything else in whole units (bytes, pods, devices). */
export type Amounts = Readonly<Record<string, number>>;

const NANO_PER_MILLI = 1_000_000n;
const NANO_PER_UNIT = 1_000_000_000n;

/** Rounded up, as resource.Quantity's MilliValue() and Value(); what is no quantity counts as 0. */
export function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Record<string, number> = {};
  for (const [name, text] of Object.entries(list ?? {})) {
    const nano = parseQuantity(text) ?? 0n;
    const unit = name === "cpu" ? NANO_PER_MILLI : NANO_PER_UNIT;
    amounts[name] = Number(nano / unit + (nano % unit > 0n ? 1n : 0n));
  }
  return amounts;
}

/** An amount of 0 brings no name: minus() could not tell whether another has brought it, too. */
export function plus(left: Amounts, right: Amounts): Amounts {
  const sum: Record<string, number> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    if (amount !== 0) sum[name] = (sum[name] ?? 0) + amount;
  }
  return sum;
}

/** Names that come to 0 disappear, so that a node's sums do not remember every name ever asked. */
export function minus(left: Amounts, right: Amounts): Amounts {
  const rest: Record<string, number> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    const kept = (rest[name] ?? 0) - amount;
    if (kept === 0) delete rest[name];
    else rest[name] = kept;
  }
  return rest;
}

export function largest(left: Amounts, right: Amounts): Amounts {
  const result: Record<string, number> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    result[name] = Math.max(result[name] ?? 0, amount);
  }
  return result;
}
