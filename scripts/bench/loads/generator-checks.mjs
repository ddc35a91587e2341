// @ts-check
/**
 * The same load by h2load and by our own generator, on the same cluster, in turns: how far the two
 * agree says what our generator's figures are worth.
 */
import { fill, runCalls } from "./call-loads.mjs";
import { H2LOAD_LOADS, KEY } from "./h2load-loads.mjs";

/** @typedef {import("./load.mjs").Load} Load */

/** As long as h2load's one key. */
const ONE_KEY = { prefix: "bench/key-000", count: 1, bytes: KEY.length };

/** @type {readonly Load[]} */
export const GENERATOR_CHECKS = [
  checkOf("put@100", "put", 100),
  checkOf("put@1000", "put", 1_000),
  checkOf("range serializable@100", "range serializable", 100),
];

/**
 * @param {string} name of h2load's
 * @param {import("../load/run-calls.mjs").CallKind} kind
 * @param {number} inFlight
 * @returns {Load}
 */
function checkOf(name, kind, inFlight) {
  const reference = H2LOAD_LOADS.find((load) => load.name === name);
  if (reference === undefined) throw new Error(`Cannot check ${name}: h2load does not make it`);
  return {
    name: `generator ${name}`,
    title: `our generator to h2load, ${name}`,
    suite: "calls",
    figures: [],
    run: async (cluster, full) => {
      // Four runs make one figure here.
      const context = { ...full, seconds: full.seconds / 2 };
      await fill(cluster, context, ONE_KEY);
      const own = () =>
        runCalls(cluster, context, {
          inFlight,
          mix: { [kind]: 1 },
          keys: ONE_KEY,
          order: "random",
        });
      // In the order that cancels a drift.
      const figures = [
        await own(),
        await reference.run(cluster, context),
        await reference.run(cluster, context),
        await own(),
      ].map((one) => one["perSecond"] ?? Number.NaN);
      const [first = 0, second = 0, third = 0, fourth = 0] = figures;
      return {
        ownPerSecond: (first + fourth) / 2,
        h2loadPerSecond: (second + third) / 2,
        agreement: (first + fourth) / (second + third),
      };
    },
  };
}
