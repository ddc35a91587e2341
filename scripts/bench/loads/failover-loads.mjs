// @ts-check
/**
 * kill -9 of the leader, and the time until a put that was sent after it is acknowledged, for a
 * client that tries every endpoint every few milliseconds. Heartbeats and election timeouts are
 * those of all benchmarks, the same in both products. Afterwards the member is started again, and
 * the next kill waits until all are well.
 */
import { PutRequest } from "@sagong/kv/client";
import { openConnection } from "../load/connection.mjs";
import { withHead } from "../load/message-cutter.mjs";
import { leaderOf, withStore } from "../measure.mjs";
import { median, quantile } from "../statistics.mjs";

/** @typedef {import("./load.mjs").Context} Context */
/** @typedef {import("../clusters.mjs").Cluster} Cluster */
/** @typedef {import("../load/connection.mjs").Connection} Connection */

/** Kills in one run. */
const KILLS = 3;
const PROBE_EVERY_MS = 5;
/**
 * A put that went to the dead leader through a follower is lost, and etcd says so after 7 s only: a
 * client that waits for it sees those, not the cluster. This one gives up, and has newer ones there.
 */
const PROBE_LIMIT_MS = 500;
/** The cluster serves for so long before it loses its leader. */
const CALM_MS = 500;
const LIMIT_MS = 30_000;
const KEY = new TextEncoder().encode("bench/failover");

/** @type {readonly import("./load.mjs").Load[]} */
export const FAILOVER_LOADS = [
  {
    name: "failover",
    title: "leader killed → next acknowledged put",
    suite: "failover",
    members: [3, 5],
    isCold: true,
    figures: [{ key: "ms", title: "", unit: "ms", better: "less", goal: 1 }],
    run,
  },
];

/** @param {Cluster} cluster @param {Context} context */
async function run(cluster, context) {
  const times = [];
  for (let kill = 0; kill < KILLS; kill++) times.push(await killLeader(cluster, context));
  return { ms: median(times), worstMs: quantile(times, 1), kills: KILLS };
}

/** @param {Cluster} cluster @param {Context} context */
async function killLeader(cluster, { valueBytes }) {
  const leader = await leaderOf(cluster);
  const before = await revisionOf(cluster);
  const framed = withHead(
    PutRequest.encode(PutRequest.create({ key: KEY, value: new Uint8Array(valueBytes) })),
  );
  const probes = await Promise.all(
    cluster.members.map(async ({ endpoint }) => new Probe(await openConnection(endpoint), framed)),
  );
  const timer = setInterval(() => {
    for (const probe of probes) probe.send();
  }, PROBE_EVERY_MS);
  try {
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    const killedAt = performance.now();
    const acknowledged = Promise.any(probes.map((probe) => probe.acknowledgedAfter(killedAt)));
    await cluster.stopMember(leader, "SIGKILL");
    const limit = new Promise((_, reject) => {
      setTimeout(
        () => reject(new Error(`no put was acknowledged in ${LIMIT_MS} ms`)),
        LIMIT_MS,
      ).unref();
    });
    await Promise.race([acknowledged, limit]);
    const ms = (await acknowledged) - killedAt;
    clearInterval(timer);
    cluster.startMember(leader);
    await cluster.ready();
    await checkPuts(cluster, probes, before);
    return ms;
  } finally {
    clearInterval(timer);
    for (const probe of probes) probe.close();
  }
}

/** @param {Cluster} cluster */
async function revisionOf(cluster) {
  const { header } = await withStore(cluster.endpoints, (client) => client.range({ key: KEY }));
  return header?.revision ?? 0;
}

/**
 * What was acknowledged is there; what was refused or not answered may be.
 * @param {Cluster} cluster
 * @param {readonly Probe[]} probes
 * @param {number} before revision
 */
async function checkPuts(cluster, probes, before) {
  const sum = (/** @type {(probe: Probe) => number} */ count) =>
    probes.reduce((all, probe) => all + count(probe), 0);
  const acknowledged = sum((probe) => probe.acknowledged);
  const sent = sum((probe) => probe.sent);
  const applied = (await revisionOf(cluster)) - before;
  if (applied >= acknowledged && applied <= sent) return;
  throw new Error(
    `${cluster.kind}: ${applied} puts were applied, expected ${acknowledged} acknowledged to ${sent} sent`,
  );
}

/** Puts to one endpoint, for as long as it is there. */
class Probe {
  sent = 0;
  acknowledged = 0;
  #connection;
  #framed;
  #after = Infinity;
  /** @type {(at: number) => void} */
  #onAcknowledged = () => {};

  /** @param {Connection} connection @param {Buffer} framed */
  constructor(connection, framed) {
    this.#connection = connection;
    this.#framed = framed;
  }

  send() {
    const connection = this.#connection;
    if (connection.failure) return;
    const sentAt = performance.now();
    this.sent++;
    const id = connection.call("/etcdserverpb.KV/Put", this.#framed, {
      onMessage: () => {},
      onEnd: (status) => {
        clearTimeout(timer);
        if (status !== 0) return;
        this.acknowledged++;
        if (sentAt > this.#after) this.#onAcknowledged(performance.now());
      },
    });
    const timer = setTimeout(() => connection.cancel(id), PROBE_LIMIT_MS);
  }

  /** When the first put was acknowledged that was sent later than that. @param {number} at @returns {Promise<number>} */
  acknowledgedAfter(at) {
    this.#after = at;
    return new Promise((resolve) => {
      this.#onAcknowledged = resolve;
    });
  }

  close() {
    this.#connection.close();
  }
}
