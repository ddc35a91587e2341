// @ts-check
/**
 * What keeps everyone else waiting: compaction, an image of the store for a member that was away,
 * large ranges, ten thousand watchers. Of ours the members' event loops are read; of both, small
 * reads go on beside the work. The figures are the worst of the members that run all the time.
 */
import { readFileSync } from "node:fs";
import { leaderOf, withStore } from "../measure.mjs";
import { whileProbing } from "../prober.mjs";
import { fill, putAll, runCalls } from "./call-loads.mjs";
import { largeKeys } from "./large-loads.mjs";

/** @typedef {import("./load.mjs").Load} Load */
/** @typedef {import("./load.mjs").Context} Context */
/** @typedef {import("../clusters.mjs").Cluster} Cluster */

/** Old revisions that one compaction gives up, and keys of one large range. */
const PART_KEYS = 100_000;
/**
 * What a member misses: more entries than etcd keeps behind an image, and more bytes (96 MiB) than we
 * do, so that entries cannot bring it back.
 */
const MISSED = { keys: { prefix: "bench/missed/", count: 12_000, bytes: 32 }, valueBytes: 8_192 };
/** Whoever got an image says so: ours, and etcd. */
const IMAGE_LOGGED = /installing an image|applied snapshot/;
const CAUGHT_UP_LIMIT_MS = 120_000;
/** etcd rests 10 ms between thousands of revisions, of which the first compaction has more than a million. */
const COMPACTION_LIMIT_MS = 120_000;
const POLL_MS = 20;
const WATCHES = { keys: 1_000, watchersPerKey: 10, connections: 10, streams: 10, rate: 500 };
/** What issue 3 allows the event loop at the 99th percentile. */
const LOOP_P99_LIMIT_MS = 20;

/** @type {readonly Load[]} */
export const STALL_LOADS = [
  stallLoad("compaction", "compaction of 100,000 revisions", async (cluster, context) => {
    const keys = largeKeys(Math.min(PART_KEYS, context.keys));
    await putAll(cluster, context, keys);
    return {
      endpoints: cluster.endpoints,
      work: async () => {
        const { endpoint } = await leaderOf(cluster);
        await withStore([endpoint], async (client) => {
          const { header } = await client.range({ key: Buffer.from("bench/probe") });
          const revision = header?.revision ?? 0;
          await client.compact({ revision, physical: true }, { timeoutMs: COMPACTION_LIMIT_MS });
        });
      },
    };
  }),
  stallLoad("image", "an image of the store to a member that was away", memberAway),
  stallLoad("range 100k", "ranges of 100,000 keys", (cluster, context) => ({
    endpoints: cluster.endpoints,
    work: async () => {
      await runCalls(cluster, context, {
        inFlight: 1,
        mix: { "range of all": 1 },
        keys: largeKeys(Math.min(PART_KEYS, context.keys)),
        order: "sequential",
      });
    },
  })),
  stallLoad("watchers", "10,000 watchers, created and served", (cluster, context) => ({
    endpoints: cluster.endpoints,
    work: async () => {
      const { keys, ...shape } = WATCHES;
      const { endpoint } = await leaderOf(cluster);
      await context.generator().run({
        type: "watch",
        endpoints: cluster.endpoints,
        writeTo: endpoint,
        keys: { prefix: "bench/stalls/", count: keys, bytes: 32 },
        valueBytes: context.valueBytes,
        seconds: context.seconds,
        ...shape,
      });
    },
  })),
];

/**
 * @typedef {object} Stall
 * @property {readonly string[]} endpoints of the members that run all the time
 * @property {() => Promise<void>} work
 */

/**
 * @param {string} name
 * @param {string} title
 * @param {(cluster: Cluster, context: Context) => Promise<Stall> | Stall} prepare
 * @returns {Load}
 */
function stallLoad(name, title, prepare) {
  return {
    name: `stalls ${name}`,
    title: `beside ${title}`,
    suite: "stalls",
    members: [3, 5],
    figures: [
      {
        key: "loopP99Ms",
        title: "event loop p99",
        unit: "ms",
        better: "less",
        limit: LOOP_P99_LIMIT_MS,
      },
      { key: "readP99Ms", title: "small read p99", unit: "ms", better: "less" },
    ],
    run: async (cluster, context) => {
      await fill(cluster, context, largeKeys(context.keys));
      const { endpoints, work } = await prepare(cluster, context);
      return whileProbing(cluster, endpoints, work);
    },
  };
}

/** @type {(cluster: Cluster, context: Context) => Promise<Stall>} */
async function memberAway(cluster, context) {
  const leader = await leaderOf(cluster);
  const away = cluster.members.find((member) => member !== leader);
  if (away === undefined) throw new Error("Cannot take a member away: there is one alone");
  await cluster.stopMember(away);
  await putAll(cluster, { ...context, valueBytes: MISSED.valueBytes }, MISSED.keys);
  const revision = await revisionOf(leader.endpoint);
  const logged = readFileSync(away.log).length;
  return {
    endpoints: cluster.endpoints.filter((endpoint) => endpoint !== away.endpoint),
    work: async () => {
      cluster.startMember(away);
      await cluster.ready();
      const end = performance.now() + CAUGHT_UP_LIMIT_MS;
      while ((await revisionOf(away.endpoint)) < revision) {
        if (performance.now() > end) throw new Error(`${away.name} did not catch up`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      if (!IMAGE_LOGGED.test(readFileSync(away.log).subarray(logged).toString())) {
        throw new Error(`${away.name} of ${cluster.kind} came back without an image`);
      }
    },
  };
}

/** As the member itself has it. @param {string} endpoint */
async function revisionOf(endpoint) {
  const { header } = await withStore([endpoint], (client) =>
    client.range({ key: Buffer.from("bench/probe"), serializable: true }),
  );
  return header?.revision ?? 0;
}
