// @ts-check
/**
 * Watchers on all members, and a writer at the leader. Two figures for each shape, which answer two
 * questions: unpaced, how many events a second can be delivered; paced, how long one takes at a
 * rate that every product sustains, which is sought before the first round.
 */
import { check, leaderOf, watched } from "../measure.mjs";

/** @typedef {import("./load.mjs").Load} Load */
/** @typedef {import("./load.mjs").Context} Context */
/** @typedef {import("../clusters.mjs").Cluster} Cluster */

/**
 * @typedef {object} Shape
 * @property {string} name
 * @property {string} title
 * @property {number} keys
 * @property {number} watchersPerKey
 * @property {number} window puts that need not be with all watchers yet, unpaced: few enough that no
 *   stream has more events under way than etcd's watchers buffer (1,024)
 * @property {number} [goal] of the events a second
 */

/** @type {readonly Shape[]} */
const SHAPES = [
  {
    name: "watch 1x1000",
    title: "1 key × 1,000 watchers",
    keys: 1,
    watchersPerKey: 1_000,
    window: 100,
    goal: 3,
  },
  {
    name: "watch 1000x10",
    title: "1,000 keys × 10 watchers",
    keys: 1_000,
    watchersPerKey: 10,
    window: 1_000,
  },
];

/** Ten clients, each with ten streams. */
const CONNECTIONS = { connections: 10, streams: 10 };
/** The rate is sought downwards from this share of the slowest product's unpaced rate. */
const FIRST_SHARE = 0.9;
const NEXT_SHARE = 0.8;
const SEARCH_STEPS_MAX = 10;
/** A rate is sustained where nearly all events are delivered so soon after their puts. */
const SUSTAINED_P99_MS = 100;
const TRIAL_SECONDS = 1.5;

/** @type {readonly Load[]} */
export const WATCH_LOADS = SHAPES.flatMap((shape) => [unpaced(shape), paced(shape)]);

/** @param {Shape} shape @returns {Load} */
function unpaced(shape) {
  const { goal } = shape;
  return {
    name: shape.name,
    title: `watch, ${shape.title}, unpaced`,
    suite: "watch",
    figures: [
      {
        key: "perSecond",
        title: "events",
        unit: "/s",
        better: "more",
        ...(goal === undefined ? {} : { goal }),
      },
    ],
    run: (cluster, context) => run(shape, cluster, context, { window: shape.window }),
  };
}

/** @param {Shape} shape @returns {Load} */
function paced(shape) {
  let rate = Number.NaN;
  return {
    name: `${shape.name} paced`,
    title: `watch, ${shape.title}, paced`,
    suite: "watch",
    figures: [
      { key: "p99Ms", title: "p99 delivery", unit: "ms", better: "less", goal: 1 },
      { key: "p50Ms", title: "p50 delivery", unit: "ms", better: "less" },
    ],
    calibrate: async (clusters, context) => {
      rate = await sustainedRate(shape, clusters, { ...context, seconds: TRIAL_SECONDS });
      const events = Math.round(rate * shape.watchersPerKey).toLocaleString("en");
      context.say(`${shape.name} paced: ${rate.toFixed(0)} puts/s, ${events} events/s`);
    },
    run: (cluster, context) => run(shape, cluster, context, { rate }),
  };
}

/** @param {Shape} shape @param {readonly Cluster[]} clusters @param {Context} context */
async function sustainedRate(shape, clusters, context) {
  let rate = Infinity;
  for (const cluster of clusters) {
    const { writesPerSecond } = await run(shape, cluster, context, { window: shape.window });
    rate = Math.min(rate, FIRST_SHARE * writesPerSecond);
  }
  for (let step = 1; step < SEARCH_STEPS_MAX; step++) {
    if (await isSustained(shape, clusters, context, rate)) break;
    rate *= NEXT_SHARE;
  }
  return rate;
}

/** @type {(shape: Shape, clusters: readonly Cluster[], context: Context, rate: number) => Promise<boolean>} */
async function isSustained(shape, clusters, context, rate) {
  for (const cluster of clusters) {
    const { p99Ms } = await run(shape, cluster, context, { rate });
    if (p99Ms > SUSTAINED_P99_MS) return false;
  }
  return true;
}

/**
 * @param {Shape} shape
 * @param {Cluster} cluster
 * @param {Context} context
 * @param {{ window: number } | { rate: number }} pace
 */
export async function run(shape, cluster, { generator, seconds, valueBytes }, pace) {
  const { endpoint } = await leaderOf(cluster);
  const { keys, watchersPerKey } = shape;
  const { result, revisions, cpuMicros } = await watched(cluster, endpoint, () =>
    generator().run({
      type: "watch",
      endpoints: cluster.endpoints,
      writeTo: endpoint,
      keys: { prefix: `bench/${shape.name}/`, count: keys, bytes: 32 },
      watchersPerKey,
      ...CONNECTIONS,
      valueBytes,
      seconds,
      ...pace,
    }),
  );
  const { writes, events, perSecond, writesPerSecond, lagMs, setupMs } = result;
  check(cluster, "puts were applied", { asked: writes, done: revisions });
  check(cluster, "events were delivered", { asked: writes * watchersPerKey, done: events });
  const { p50Ms, p99Ms, clientCpu } = result;
  const times = { p50Ms, p99Ms, lagMs, setupMs };
  return { perSecond, writesPerSecond, ...times, clientCpu, cpuMicros: cpuMicros / events };
}
