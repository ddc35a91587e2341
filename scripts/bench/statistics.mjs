// @ts-check
/** Medians, quantiles and ratios of a few numbers. NaN stands for "not known" and is left out. */

/** @param {readonly number[]} values @returns {number} NaN of none */
export function median(values) {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/** @param {readonly number[]} values @param {number} share as in 0.99 @returns {number} NaN of none */
export function quantile(values, share) {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const at = Math.max(0, Math.ceil(share * sorted.length) - 1);
  return sorted[at] ?? Number.NaN;
}

/**
 * How much better the first is than the second, above 1 is better, whichever way the figure counts.
 * @param {number} ours
 * @param {number} theirs
 * @param {"more" | "less"} better
 */
export function ratioOf(ours, theirs, better) {
  return better === "more" ? ours / theirs : theirs / ours;
}
