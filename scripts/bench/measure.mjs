// @ts-check
/** One run of one load on one cluster, held against what the store says afterwards. */
import { realClock } from "@sagong/base/real";
import { createStoreClient, RangeResponse } from "@sagong/kv/client";
import { FRAME_HEAD_BYTES, h2load } from "./h2load.mjs";
import { KEY, valueOf } from "./loads.mjs";

/** A first short run says how many requests fill the time. */
const TRIAL_REQUESTS = 200;

/**
 * Rejects where the leader changed meanwhile, or where not every call was answered with ok.
 * @param {import("./clusters.mjs").Cluster} cluster
 * @param {import("./loads.mjs").Load} load
 * @param {{ seconds: number, folder: string }} options
 */
export async function measure(cluster, load, { seconds, folder }) {
  const endpoint = await leaderOf(cluster);
  const client = createStoreClient({ endpoints: [endpoint] }, { clock: realClock() });
  try {
    // There is something to read, also where reads alone are measured.
    if (load.method === "Range") await client.put({ key: KEY, value: valueOf(256) });
    const { method, message, inFlight } = load;
    const job = {
      endpoint,
      method: `/etcdserverpb.KV/${method}`,
      message,
      inFlight,
      bodyFile: `${folder}/body`,
    };
    const trial = await h2load({ ...job, requests: Math.max(TRIAL_REQUESTS, inFlight * 4) });
    const wanted = load.requests ?? Math.round(trial.perSecond * seconds);
    const requests = Math.max(inFlight, wanted);
    const before = await client.range({ key: KEY });
    const cpuBefore = cluster.cpuMicros;
    const { perSecond, meanMs, dataBytes } = await h2load({ ...job, requests });
    const cpuMicros = (cluster.cpuMicros - cpuBefore) / requests;
    const after = await client.range({ key: KEY });
    if (before.header?.raftTerm !== after.header?.raftTerm) {
      throw new Error(`${cluster.kind} changed its leader during the run`);
    }
    if (method === "Put") {
      const done = (after.header?.revision ?? 0) - (before.header?.revision ?? 0);
      check(cluster, { what: "puts were applied", asked: requests, done });
    } else {
      // Every answer is the same, and a refused call would have none.
      const answerBytes = FRAME_HEAD_BYTES + RangeResponse.encode(after).length;
      check(cluster, {
        what: "bytes of answers came",
        asked: requests * answerBytes,
        done: dataBytes,
      });
    }
    return { perSecond, meanMs, cpuMicros, requests };
  } finally {
    await client.close();
  }
}

/**
 * @param {import("./clusters.mjs").Cluster} cluster
 * @param {{ what: string, asked: number, done: number }} counts
 */
function check({ kind }, { what, asked, done }) {
  if (asked !== done) throw new Error(`${kind}: ${done} ${what}, expected ${asked}`);
}

/** @param {import("./clusters.mjs").Cluster} cluster */
async function leaderOf(cluster) {
  for (const endpoint of cluster.endpoints) {
    const client = createStoreClient({ endpoints: [endpoint] }, { clock: realClock() });
    try {
      const { header, leader } = await client.status();
      if (header?.memberId === leader) return endpoint;
    } finally {
      await client.close();
    }
  }
  throw new Error(`${cluster.kind} has no leader`);
}
