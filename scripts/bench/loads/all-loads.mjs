// @ts-check
/** Every load, in the order in which the report has them. */
import { CALL_LOADS } from "./call-loads.mjs";
import { GENERATOR_CHECKS } from "./generator-checks.mjs";
import { FAILOVER_LOADS } from "./failover-loads.mjs";
import { H2LOAD_LOADS } from "./h2load-loads.mjs";
import { LARGE_LOADS } from "./large-loads.mjs";
import { STALL_LOADS } from "./stall-loads.mjs";
import { WATCH_LOADS } from "./watch-loads.mjs";

/** @typedef {import("./load.mjs").Load} Load */

/** @type {readonly Load[]} */
export const ALL_LOADS = [
  ...H2LOAD_LOADS,
  ...CALL_LOADS,
  ...WATCH_LOADS,
  ...FAILOVER_LOADS,
  ...LARGE_LOADS,
  ...STALL_LOADS,
  ...GENERATOR_CHECKS,
];

/**
 * Those that the flags ask for; throws where a word names none.
 * @param {readonly Load[]} all
 * @param {{ only: readonly string[], stalls: boolean, checkGenerator: boolean }} flags
 */
export function chooseLoads(all, { only, stalls, checkGenerator }) {
  if (checkGenerator) return GENERATOR_CHECKS;
  if (only.length === 0) return all.filter(({ suite }) => stalls || suite !== "stalls");
  const names = all.map(({ name }) => name);
  const isMeant = (/** @type {string} */ name, /** @type {string} */ word) =>
    name === word || (name.includes(word) && !names.includes(word));
  const wrong = only.find((word) => !names.some((name) => isMeant(name, word)));
  if (wrong !== undefined) {
    throw new Error(`--only ${wrong}: expected part of a load's name:\n  ${names.join("\n  ")}`);
  }
  return all.filter(({ name }) => only.some((word) => isMeant(name, word)));
}
