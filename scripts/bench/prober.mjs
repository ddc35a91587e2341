// @ts-check
/**
 * Small reads beside a load, from each member by its own connection, at a steady pace: how long the
 * load keeps others waiting. And the members' own word for it, where they have one.
 */
import { get } from "node:http";
import { RangeRequest } from "@sagong/kv/client";
import { openConnection } from "./load/connection.mjs";
import { Histogram } from "./load/histogram.mjs";
import { withHead } from "./load/message-cutter.mjs";

/** @typedef {import("./clusters.mjs").Cluster} Cluster */
/** @typedef {import("./load/connection.mjs").Connection} Connection */

const EVERY_MS = 5;
/** Reads that one member has not answered; more would only wait in line. */
const UNDER_WAY_MAX = 90;
const SCRAPE_LIMIT_MS = 30_000;
const MS = 1_000;

/**
 * Does the work, and says how long others waited meanwhile. Members that do not run are left out.
 * @param {Cluster} cluster
 * @param {readonly string[]} endpoints of the members that run all the time
 * @param {() => Promise<void>} work
 */
export async function whileProbing(cluster, endpoints, work) {
  const connections = await Promise.all(endpoints.map((endpoint) => openConnection(endpoint)));
  const reads = connections.map((connection) => new Reads(connection));
  // Each scrape begins a new reading.
  await Promise.all(endpoints.map((endpoint) => loopLag(endpoint)));
  const timer = setInterval(() => {
    for (const one of reads) one.send();
  }, EVERY_MS);
  try {
    await work();
    const lags = await Promise.all(endpoints.map((endpoint) => loopLag(endpoint)));
    const times = reads.map((one) => one.finish().summary());
    const worst = (/** @type {readonly number[]} */ values) => Math.max(...values);
    return {
      readP99Ms: worst(times.map(({ p99Ms }) => p99Ms)),
      readMaxMs: worst(times.map(({ maxMs }) => maxMs)),
      ...(cluster.kind === "etcd"
        ? {}
        : {
            loopP99Ms: worst(lags.map(({ p99 }) => p99)),
            loopMaxMs: worst(lags.map(({ max }) => max)),
          }),
    };
  } finally {
    clearInterval(timer);
    for (const connection of connections) connection.close();
  }
}

class Reads {
  #connection;
  #times = new Histogram();
  /** When those were sent that are under way. @type {Set<number>} */
  #underWay = new Set();
  #framed = withHead(
    RangeRequest.encode(
      RangeRequest.create({ key: Buffer.from("bench/probe"), serializable: true }),
    ),
  );
  /** @type {string | undefined} */
  #refusal;

  /** @param {Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  send() {
    if (this.#underWay.size >= UNDER_WAY_MAX) return;
    const sentAt = performance.now();
    this.#underWay.add(sentAt);
    this.#connection.call("/etcdserverpb.KV/Range", this.#framed, {
      onMessage: () => {},
      onEnd: (status, text) => {
        this.#underWay.delete(sentAt);
        this.#times.record(performance.now() - sentAt);
        if (status !== 0) this.#refusal ??= `${status} ${text}`;
      },
    });
  }

  /** Those under way have waited so long at least. */
  finish() {
    if (this.#refusal !== undefined) throw new Error(`a read was refused: ${this.#refusal}`);
    for (const sentAt of this.#underWay) this.#times.record(performance.now() - sentAt);
    return this.#times;
  }
}

/** Milliseconds since the scrape before; NaN where the member has no such gauge. @param {string} endpoint */
async function loopLag(endpoint) {
  const text = await textOf(`${endpoint}/metrics`);
  const gauge = (/** @type {string} */ which) => {
    const sample = new RegExp(`^nodejs_eventloop_lag_${which}_seconds (\\S+)$`, "m").exec(text);
    return sample === null ? Number.NaN : Number(sample[1]) * MS;
  };
  return { p99: gauge("p99"), max: gauge("max") };
}

/** @param {string} url @returns {Promise<string>} */
export function textOf(url) {
  return new Promise((resolve, reject) => {
    const request = get(url, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (/** @type {string} */ chunk) => {
        text += chunk;
      });
      response.once("end", () => resolve(text));
      response.once("error", reject);
    });
    request.setTimeout(SCRAPE_LIMIT_MS, () => request.destroy(new Error(`no answer from ${url}`)));
    request.once("error", reject);
  });
}
