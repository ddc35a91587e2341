// @ts-check
/**
 * A store with a million keys: what it takes of memory, how long it takes to start, and how long to
 * give a hundred thousand of them. The keys are put once per product, one by one as clients do.
 */
import { RangeRequest } from "@sagong/kv/client";
import { openConnection } from "../load/connection.mjs";
import { withHead } from "../load/message-cutter.mjs";
import { keyOf } from "../load/requests.mjs";
import { fill, runCalls } from "./call-loads.mjs";

/** @typedef {import("./load.mjs").Load} Load */
/** @typedef {import("./load.mjs").Context} Context */
/** @typedef {import("../clusters.mjs").Cluster} Cluster */

const KEY_BYTES = 64;
const RANGE_KEYS = 100_000;
/** After the last put: what was only put off is done, and memory is given back. */
const SETTLE_MS = 5_000;
const MIB = 1024 * 1024;
const RESTART_LIMIT_MS = 120_000;
const POLL_MS = 2;

/** @param {number} count */
export const largeKeys = (count) => ({ prefix: "bench/large/", count, bytes: KEY_BYTES });

/** @type {readonly Load[]} */
export const LARGE_LOADS = [
  {
    name: "memory",
    title: "resident memory with the large store",
    suite: "large",
    once: true,
    figures: [{ key: "residentMiB", title: "", unit: "MiB", better: "less", goal: 1 }],
    run: async (cluster, context) => {
      await fill(cluster, context, largeKeys(context.keys));
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return memoryOf(cluster);
    },
  },
  {
    name: "range 100k",
    title: "range of 100,000 keys",
    suite: "large",
    figures: [
      { key: "p50Ms", title: "p50", unit: "ms", better: "less", goal: 1 },
      { key: "p99Ms", title: "p99", unit: "ms", better: "less" },
    ],
    run: async (cluster, context) => {
      await fill(cluster, context, largeKeys(context.keys));
      return runCalls(cluster, context, {
        inFlight: 1,
        mix: { "range of all": 1 },
        // The number's digits are as many in any key space of keys of this length.
        keys: largeKeys(Math.min(RANGE_KEYS, context.keys)),
        order: "sequential",
      });
    },
  },
  {
    name: "restart",
    title: "restart with the large store → first read",
    suite: "large",
    members: [1],
    isCold: true,
    figures: [{ key: "ms", title: "", unit: "ms", better: "less", goal: 1 }],
    run: restart,
  },
];

/** @param {Cluster} cluster */
function memoryOf({ residentBytes, anonymousBytes }) {
  const sum = (/** @type {readonly number[]} */ values) => values.reduce((a, b) => a + b, 0) / MIB;
  return {
    residentMiB: sum(residentBytes),
    largestMemberMiB: Math.max(...residentBytes) / MIB,
    // Without what is mapped from files, as etcd's database is.
    anonymousMiB: sum(anonymousBytes),
  };
}

/** @param {Cluster} cluster @param {Context} context */
async function restart(cluster, context) {
  const keys = largeKeys(context.keys);
  await fill(cluster, context, keys);
  const member = cluster.members[0];
  if (member === undefined) throw new Error("Cannot restart a cluster without members");
  await cluster.stopMember(member);
  const message = RangeRequest.create({ key: keyOf(keys, context.keys - 1) });
  const framed = withHead(RangeRequest.encode(message));
  const began = performance.now();
  cluster.startMember(member);
  while (!(await isAnswered(member.endpoint, framed))) {
    if (performance.now() - began > RESTART_LIMIT_MS) {
      // Says why, from its log.
      await cluster.ready();
      throw new Error(`${cluster.kind} did not read after ${RESTART_LIMIT_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const ms = performance.now() - began;
  await cluster.ready();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return { ms, ...memoryOf(cluster) };
}

/** Whether a read came back with a key. @param {string} endpoint @param {Buffer} framed */
async function isAnswered(endpoint, framed) {
  const connection = await openConnection(endpoint).catch(() => undefined);
  if (connection === undefined) return false;
  try {
    return await new Promise((/** @type {(isAnswered: boolean) => void} */ resolve) => {
      let bytes = 0;
      connection.call("/etcdserverpb.KV/Range", framed, {
        onMessage: (_, start, end) => {
          bytes += end - start;
        },
        onEnd: (status) => resolve(status === 0 && bytes > KEY_BYTES),
      });
    });
  } finally {
    connection.close();
  }
}
