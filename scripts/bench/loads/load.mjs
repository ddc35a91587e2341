// @ts-check
/**
 * What a load is: one piece of work that every cluster is put under in turn, and the figures that
 * it gives. Where it is run, and when, is not its business.
 *
 * @typedef {object} Figure
 * @property {string} key of a measurement
 * @property {string} title as in "puts/s"
 * @property {string} unit as in "/s", "ms", "MiB"
 * @property {"more" | "less"} better
 * @property {number} [limit] what issue 3 allows ours at most, whatever etcd's is
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

/** The goals are for clusters of this size, but for loads that are not run on it. */
export const GOAL_MEMBERS = 3;

/**
 * What differs between suites in the flags of all members: `snapshotCount`, entries of the log
 * between two images of the store, is the default of etcd 3.4, and less where images are looked at.
 * @typedef {{ snapshotCount: number, logLevel: "error" | "info" }} SuiteFlags
 * @type {{ standard: SuiteFlags, stalls: SuiteFlags }}
 */
export const SUITE_FLAGS = {
  standard: { snapshotCount: 100_000, logLevel: "error" },
  stalls: { snapshotCount: 5_000, logLevel: "info" },
};

/** @param {Load} load @param {number} members */
export function hasGoals({ members: sizes }, members) {
  return members === GOAL_MEMBERS || (sizes !== undefined && !sizes.includes(GOAL_MEMBERS));
}
