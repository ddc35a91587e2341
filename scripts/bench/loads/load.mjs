// @ts-check
/**
 * What a load is: one piece of work that every cluster is put under in turn, and the figures that
 * it gives. This file has no code but the goals' one rule.
 *
 * @typedef {object} Figure
 * @property {string} key of a measurement
 * @property {string} title as in "puts/s"
 * @property {string} unit as in "/s", "ms", "MiB"
 * @property {"more" | "less"} better
 * @property {number} [goal] least ratio to etcd that issue 3 asks for, of clusters of `GOAL_MEMBERS`
 *
 * @typedef {Readonly<Record<string, number>>} Measurement figures of one run by key; further keys that
 *   the report knows: `p50Ms`, `p99Ms`, `cpuMicros` of all members for one operation, `clientCpu` in
 *   cores
 *
 * @typedef {object} Context
 * @property {string} folder for files of the benchmark's own
 * @property {number} seconds about how long a run takes
 * @property {number} valueBytes
 * @property {number} keys of the large store
 * @property {boolean} isWarmUp a run that is not counted
 * @property {() => import("../generator.mjs").Generator} generator
 * @property {(text: string) => void} say progress
 *
 * @typedef {object} Load
 * @property {string} name
 * @property {string} title for people
 * @property {SuiteName} suite
 * @property {readonly number[] | undefined} [members] sizes of clusters on which it is run; all
 * @property {readonly Figure[]} figures
 * @property {boolean} [once] one round says it all, without a warm-up
 * @property {boolean} [isCold] a warm-up would say nothing
 * @property {(clusters: readonly Cluster[], context: Context) => Promise<void>} [calibrate] before
 *   the first round, with all clusters at hand
 * @property {(cluster: Cluster, context: Context) => Promise<Measurement>} run rejects where a figure
 *   would not be true
 *
 * @typedef {"calls" | "watch" | "failover" | "large" | "stalls"} SuiteName loads of one suite
 *   run on the same clusters
 * @typedef {import("../clusters.mjs").Cluster} Cluster
 */

/** The goals are for clusters of this size; `always` marks those that hold for any. */
export const GOAL_MEMBERS = 3;

/** @param {Load} load @param {Figure} figure @param {number} members */
export function goalOf({ members: sizes }, { goal }, members) {
  const isMeant =
    members === GOAL_MEMBERS || (sizes !== undefined && !sizes.includes(GOAL_MEMBERS));
  return isMeant ? goal : undefined;
}
