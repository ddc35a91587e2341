// @ts-check
/** Unary calls by our own generator: what h2load, which repeats one request to one address, cannot. */
import { keyOf } from "../load/requests.mjs";
import { check, checkNoneRefused, leaderOf, watched, withStore } from "../measure.mjs";

/** @typedef {import("./load.mjs").Load} Load */
/** @typedef {import("./load.mjs").Context} Context */
/** @typedef {import("../clusters.mjs").Cluster} Cluster */
/** @typedef {import("../load/run-calls.mjs").CallsJob} CallsJob */
/** @typedef {import("../load/run-calls.mjs").CallsResult} CallsResult */

/** Keys of the loads that write and read many. */
const KEYS = { prefix: "bench/many/", count: 10_000, bytes: 32 };
/** Calls that write. */
const WRITES = ["put", "txn"];
/** Clusters of one member have nothing to spread over. */
const SEVERAL = [3, 5];

/** @type {(goal?: number) => import("./load.mjs").Figure} */
const rate = (goal) => ({
  key: "perSecond",
  title: "",
  unit: "/s",
  better: "more",
  ...(goal === undefined ? {} : { goal }),
});

/** @type {readonly Load[]} */
export const CALL_LOADS = [
  ...[1, 100, 1_000].map((inFlight) => spreadPuts(inFlight)),
  {
    name: "txn@100",
    title: "txn (compare mod, put), 100 in flight",
    suite: "calls",
    figures: [rate(3)],
    run: (cluster, context) =>
      runCalls(cluster, context, {
        inFlight: 100,
        mix: { txn: 1 },
        // Keys that are not there yet: each caller knows its key's mod revision from the start.
        keys: { ...KEYS, prefix: `bench/txn/${performance.now().toFixed(3)}/`, bytes: 48 },
        order: "own",
      }),
  },
  {
    name: "mixed@100",
    title: "80 % linearizable range, 20 % put, 100 in flight",
    suite: "calls",
    figures: [rate()],
    run: async (cluster, context) => {
      // A prefix of its own: whether all are there is seen by the last.
      const keys = { ...KEYS, prefix: "bench/mixed/" };
      await fill(cluster, context, keys);
      return runCalls(cluster, context, {
        inFlight: 100,
        mix: { "range linearizable": 4, put: 1 },
        keys,
        order: "random",
      });
    },
  },
  {
    name: "lease keepalive@100",
    title: "lease keepalive, 10,000 leases, 100 in flight",
    suite: "calls",
    figures: [rate()],
    run: runKeepAlives,
  },
];

/** @param {number} inFlight @returns {Load} */
function spreadPuts(inFlight) {
  return {
    name: `put@${inFlight} all members`,
    title: `put, ${inFlight.toLocaleString("en")} in flight, over all members`,
    suite: "calls",
    members: SEVERAL,
    figures: [rate()],
    run: (cluster, context) =>
      runCalls(cluster, context, {
        endpoints: cluster.endpoints,
        inFlight,
        mix: { put: 1 },
        keys: KEYS,
        order: "random",
      }),
  };
}

/**
 * @param {Cluster} cluster
 * @param {Context} context
 * @param {Pick<CallsJob, "inFlight" | "mix" | "keys" | "order"> & Partial<CallsJob>} options
 */
export async function runCalls(cluster, { generator, seconds, valueBytes }, options) {
  const { endpoint } = await leaderOf(cluster);
  /** @type {CallsJob} */
  const job = { type: "calls", endpoints: [endpoint], seconds, valueBytes, ...options };
  const { result, revisions, cpuMicros } = await watched(cluster, endpoint, () =>
    generator().run(job),
  );
  const { acknowledged, refused, perSecond, p50Ms, p99Ms, clientCpu } = result;
  checkNoneRefused(cluster, refused);
  const done = Object.values(acknowledged).reduce((sum, count) => sum + count, 0);
  const written = WRITES.reduce((sum, kind) => sum + (acknowledged[kind] ?? 0), 0);
  check(cluster, "writes were applied", { asked: written, done: revisions });
  return { perSecond, p50Ms, p99Ms, clientCpu, requests: done, cpuMicros: cpuMicros / done };
}

/** @param {Cluster} cluster @param {Context} context */
async function runKeepAlives(cluster, { generator, seconds }) {
  const { endpoint } = await leaderOf(cluster);
  const shape = { leases: 10_000, streams: 10, inFlight: 100 };
  // The leases are there already when the CPU is read.
  await generator().run({ type: "keepAlives", endpoint, ...shape, seconds: 0.1 });
  const { result, cpuMicros } = await watched(cluster, endpoint, () =>
    generator().run({ type: "keepAlives", endpoint, ...shape, seconds }),
  );
  const { renewed, perSecond, p50Ms, p99Ms, clientCpu } = result;
  return { perSecond, p50Ms, p99Ms, clientCpu, requests: renewed, cpuMicros: cpuMicros / renewed };
}

/**
 * Puts every key once, unless the cluster has them.
 * @param {Cluster} cluster
 * @param {Context} context
 * @param {import("../load/requests.mjs").Keys} keys
 */
export async function fill(cluster, context, keys) {
  const last = await withStore(cluster.endpoints, (client) =>
    client.range({ key: keyOf(keys, keys.count - 1) }),
  );
  if (last.count === 0) await putAll(cluster, context, keys);
}

/**
 * Puts every key once, in their order.
 * @param {Cluster} cluster
 * @param {Context} context
 * @param {import("../load/requests.mjs").Keys} keys
 */
export async function putAll(cluster, { generator, valueBytes, say }, keys) {
  const { endpoint } = await leaderOf(cluster);
  if (keys.count >= TOLD_KEYS) say(`${cluster.kind}: putting ${keys.count} keys`);
  /** @type {CallsJob} */
  const job = {
    type: "calls",
    endpoints: [endpoint],
    inFlight: 1_000,
    mix: { put: 1 },
    keys,
    order: "sequential",
    valueBytes,
    requests: keys.count,
  };
  const { acknowledged, refused } = await generator().run(job, FILL_LIMIT_MS);
  checkNoneRefused(cluster, refused);
  check(cluster, "keys were put", { asked: keys.count, done: acknowledged["put"] ?? 0 });
}

/** From here on it takes so long that one wants to know. */
const TOLD_KEYS = 50_000;
/** A million keys take a minute or two on a slow disk. */
const FILL_LIMIT_MS = 900_000;
