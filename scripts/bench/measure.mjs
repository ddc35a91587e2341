// @ts-check
/** What every load does around its work: find the leader, and hold the work against the store. */
import { realClock } from "@sagong/base/real";
import { createStoreClient } from "@sagong/kv/client";

/** @typedef {import("./clusters.mjs").Cluster} Cluster */
/** @typedef {import("@sagong/kv/client").StoreClient} StoreClient */

/** A key that no load uses. */
const NO_KEY = new TextEncoder().encode("bench/nothing");

/**
 * @template T
 * @param {readonly string[]} endpoints
 * @param {(client: StoreClient) => Promise<T>} work
 */
export async function withStore(endpoints, work) {
  const client = createStoreClient({ endpoints }, { clock: realClock() });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** @param {Cluster} cluster */
export async function leaderOf(cluster) {
  for (const member of cluster.running) {
    const status = await withStore([member.endpoint], (client) => client.status());
    if (status.header?.memberId === status.leader) return member;
  }
  throw new Error(`${cluster.kind} has no leader`);
}

/**
 * Rejects where the leader changed meanwhile: such a run shows an election, not the load.
 * @template T
 * @param {Cluster} cluster
 * @param {string} endpoint
 * @param {() => Promise<T>} work
 * @returns {Promise<{ result: T, revisions: number, cpuMicros: number }>} by how much the store's
 *   revision grew, and the CPU that all members took
 */
export function watched(cluster, endpoint, work) {
  return withStore([endpoint], async (client) => {
    const before = await headerOf(client);
    const cpuBefore = cluster.cpuMicros;
    const result = await work();
    const cpuMicros = cluster.cpuMicros - cpuBefore;
    const after = await headerOf(client);
    if (before.raftTerm !== after.raftTerm) {
      throw new Error(`${cluster.kind} changed its leader during the run`);
    }
    return { result, revisions: after.revision - before.revision, cpuMicros };
  });
}

/** @param {StoreClient} client */
async function headerOf(client) {
  // Linearizable: everything that was acknowledged is in it.
  const { header } = await client.range({ key: NO_KEY });
  if (header === undefined) throw new Error("Cannot read the store's revision: no header");
  return header;
}

/**
 * @param {Cluster} cluster
 * @param {string} what
 * @param {{ done: number, asked: number }} counts
 */
export function check({ kind }, what, { done, asked }) {
  if (asked !== done) throw new Error(`${kind}: ${done} ${what}, expected ${asked}`);
}

/**
 * No call may have been refused: a run with refusals measures something else.
 * @param {Cluster} cluster
 * @param {Readonly<Record<string, number>>} refused
 */
export function checkNoneRefused({ kind }, refused) {
  const texts = Object.entries(refused).map(([text, count]) => `${count} × ${text}`);
  if (texts.length > 0) throw new Error(`${kind} refused calls: ${texts.join("; ")}`);
}
