// @ts-check
/**
 * Puts and ranges of one key by h2load, to the leader. h2load knows HTTP only, and a refused gRPC
 * call is HTTP 200 too: puts are held against the advance of the store's revision, reads against
 * the bytes that came.
 */
import { PutRequest, RangeRequest, RangeResponse } from "@sagong/kv/client";
import { FRAME_HEAD_BYTES, h2load } from "../h2load.mjs";
import { check, leaderOf, watched, withStore } from "../measure.mjs";
import { valueOf } from "../load/requests.mjs";

/** One key, since h2load repeats one request. */
export const KEY = new TextEncoder().encode("bench/key-0001");
/** A first short run says how many requests fill the time. */
const TRIAL_REQUESTS = 400;

/**
 * @typedef {object} Call
 * @property {string} name
 * @property {string} title
 * @property {"Put" | "Range"} method of etcdserverpb.KV
 * @property {boolean} [serializable]
 * @property {number} inFlight
 * @property {readonly import("./load.mjs").Figure[]} figures
 */

const rate = (/** @type {number} */ goal) =>
  /** @type {const} */ ({ key: "perSecond", title: "", unit: "/s", better: "more", goal });

/** @type {readonly Call[]} */
const CALLS = [
  {
    name: "put@1",
    title: "put, 1 in flight",
    method: "Put",
    inFlight: 1,
    figures: [
      { key: "p50Ms", title: "p50", unit: "ms", better: "less", goal: 1 },
      { key: "perSecond", title: "", unit: "/s", better: "more" },
    ],
  },
  {
    name: "put@100",
    title: "put, 100 in flight",
    method: "Put",
    inFlight: 100,
    figures: [rate(3)],
  },
  {
    name: "put@1000",
    title: "put, 1,000 in flight",
    method: "Put",
    inFlight: 1_000,
    figures: [rate(4)],
  },
  {
    name: "range linearizable@100",
    title: "linearizable range, 100 in flight",
    method: "Range",
    inFlight: 100,
    figures: [rate(4)],
  },
  {
    name: "range serializable@100",
    title: "serializable range, 100 in flight",
    method: "Range",
    serializable: true,
    inFlight: 100,
    figures: [rate(4)],
  },
];

/** @type {readonly import("./load.mjs").Load[]} */
export const H2LOAD_LOADS = CALLS.map((call) => ({
  name: call.name,
  title: call.title,
  suite: "calls",
  figures: call.figures,
  run: (cluster, context) => run(call, cluster, context),
}));

/** @typedef {import("../clusters.mjs").Cluster} Cluster */

/**
 * @param {Call} call
 * @param {Cluster} cluster
 * @param {import("./load.mjs").Context} context
 */
async function run(call, cluster, { seconds, folder, valueBytes }) {
  const { endpoint } = await leaderOf(cluster);
  // There is something to read, also where reads alone are measured.
  await withStore([endpoint], (client) => client.put({ key: KEY, value: valueOf(valueBytes) }));
  const job = {
    endpoint,
    path: `/etcdserverpb.KV/${call.method}`,
    message: requestOf(call, valueBytes),
    inFlight: call.inFlight,
    folder,
  };
  const trial = await h2load({ ...job, requests: Math.max(TRIAL_REQUESTS, call.inFlight * 4) });
  const requests = Math.max(call.inFlight, Math.round(trial.perSecond * seconds));
  const { result, revisions, cpuMicros } = await watched(cluster, endpoint, () =>
    h2load({ ...job, requests }),
  );
  const { dataBytes, ...figures } = result;
  if (call.method === "Put") {
    check(cluster, "puts were applied", { asked: requests, done: revisions });
  } else {
    const answer = await withStore([endpoint], (client) => client.range({ key: KEY }));
    // Every answer is the same, and a refused call would have none.
    const answerBytes = FRAME_HEAD_BYTES + RangeResponse.encode(answer).length;
    check(cluster, "bytes of answers came", { asked: requests * answerBytes, done: dataBytes });
  }
  return { ...figures, requests, cpuMicros: cpuMicros / requests };
}

/** @param {Call} call @param {number} valueBytes */
function requestOf({ method, serializable = false }, valueBytes) {
  return method === "Put"
    ? PutRequest.encode(PutRequest.create({ key: KEY, value: valueOf(valueBytes) }))
    : RangeRequest.encode(RangeRequest.create({ key: KEY, serializable }));
}
