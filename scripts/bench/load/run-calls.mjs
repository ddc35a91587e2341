// @ts-check
/**
 * A closed loop of unary calls: so many are under way at any time, and each that is answered is
 * followed by the next. Only a call with status 0, one answer, and the answer that it should have,
 * counts as acknowledged; all others are counted by what they said.
 */
import { openConnection } from "./connection.mjs";
import { Histogram } from "./histogram.mjs";
import { LargeRanges, Puts, Ranges, Txns } from "./requests.mjs";

/** @typedef {"put" | "range linearizable" | "range serializable" | "txn" | "range of all"} CallKind */

/**
 * @typedef {object} CallsJob
 * @property {"calls"} type
 * @property {readonly string[]} endpoints
 * @property {number} inFlight in all
 * @property {Readonly<Partial<Record<CallKind, number>>>} mix weights
 * @property {import("./requests.mjs").Keys} keys
 * @property {"random" | "sequential" | "own"} order how a call's key is chosen; `own`: each of the
 *   calls under way keeps one of its own
 * @property {number} valueBytes
 * @property {number} [seconds] how long calls are begun
 * @property {number} [requests] how many calls are begun
 */

/**
 * @typedef {object} CallsResult
 * @property {Record<string, number>} acknowledged by kind
 * @property {Record<string, number>} refused by what was said
 * @property {number} perSecond acknowledged
 * @property {number} seconds until the last answer
 * @property {number} meanMs
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} maxMs
 */

/** Calls under way on one connection, as with h2load. */
const STREAMS_MAX = 100;
/** Different texts of refusals that are kept. */
const REFUSALS_MAX = 20;

/** @param {CallsJob} job @returns {Promise<CallsResult>} */
export async function runCalls(job) {
  const count = Math.max(job.endpoints.length, Math.ceil(job.inFlight / STREAMS_MAX));
  const connections = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      openConnection(/** @type {string} */ (job.endpoints[i % job.endpoints.length])),
    ),
  );
  try {
    return await new Loop(job, connections).run();
  } finally {
    for (const connection of connections) connection.close();
  }
}

class Loop {
  /** @type {Record<string, number>} */
  acknowledged = {};
  /** @type {Record<string, number>} */
  refused = {};
  times = new Histogram();
  #job;
  #connections;
  #begun = 0;
  #underWay = 0;
  #beganAt = 0;
  #endsAt = Infinity;
  #chance = new Chance();
  #kinds;
  /** @type {(value: void) => void} */
  #done = () => {};
  /** @type {(error: unknown) => void} */
  #failed = () => {};

  /**
   * @param {CallsJob} job
   * @param {readonly import("./connection.mjs").Connection[]} connections
   */
  constructor(job, connections) {
    this.#job = job;
    this.#connections = connections;
    // Ten of them stand for 80/20 and their kin.
    this.#kinds = Object.entries(job.mix).flatMap(([kind, weight]) =>
      Array.from({ length: weight }, () => /** @type {CallKind} */ (kind)),
    );
    for (const kind of this.#kinds) this.acknowledged[kind] = 0;
  }

  /** @returns {Promise<CallsResult>} */
  async run() {
    const { inFlight, seconds } = this.#job;
    await new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#beganAt = performance.now();
      if (seconds !== undefined) this.#endsAt = this.#beganAt + seconds * 1_000;
      for (let i = 0; i < inFlight; i++) new Caller(this, this.#job, i, this.#connections).next();
    });
    const elapsed = (performance.now() - this.#beganAt) / 1_000;
    return {
      acknowledged: this.acknowledged,
      refused: this.refused,
      perSecond: this.times.count / elapsed,
      seconds: elapsed,
      ...this.times.summary(),
    };
  }

  /** Whether one more call may begin. @param {number} now */
  begin(now) {
    if (now >= this.#endsAt || this.#begun === this.#job.requests) return false;
    this.#begun++;
    this.#underWay++;
    return true;
  }

  kind() {
    const kinds = this.#kinds;
    const at = kinds.length === 1 ? 0 : this.#chance.below(kinds.length);
    return /** @type {CallKind} */ (kinds[at]);
  }

  /** @param {number} caller */
  key(caller) {
    const { order, keys } = this.#job;
    if (order === "own") return caller;
    return order === "random" ? this.#chance.below(keys.count) : (this.#begun - 1) % keys.count;
  }

  /** @param {CallKind} kind @param {string | undefined} refusal @param {number} ms */
  end(kind, refusal, ms) {
    this.#underWay--;
    if (refusal === undefined) {
      this.acknowledged[kind] = (this.acknowledged[kind] ?? 0) + 1;
      this.times.record(ms);
    } else if (refusal in this.refused || Object.keys(this.refused).length < REFUSALS_MAX) {
      this.refused[refusal] = (this.refused[refusal] ?? 0) + 1;
    }
  }

  /** Nobody begins another call. */
  rest() {
    if (this.#underWay === 0) this.#done();
  }

  /** @param {unknown} error */
  fail(error) {
    this.#failed(error);
  }
}

/** One of the calls that are under way at once. @implements {CallHandler} */
class Caller {
  #loop;
  #index;
  #connections;
  #connection;
  #requests;
  #calls = 0;
  /** @type {CallKind} */
  #kind = "put";
  #startedAt = 0;
  #answers = 0;
  #isRight = false;

  /**
   * @param {Loop} loop
   * @param {CallsJob} job
   * @param {number} index
   * @param {readonly Connection[]} connections
   */
  constructor(loop, job, index, connections) {
    this.#loop = loop;
    this.#index = index;
    // With fewer calls than connections, each takes turns: all members get their share.
    this.#connections =
      job.inFlight < connections.length ? connections : [connections[index % connections.length]];
    this.#connection = /** @type {Connection} */ (this.#connections[0]);
    this.#requests = requestsOf(job);
  }

  next() {
    // After a chunk was read, its time is the time.
    const now = this.#calls === 0 ? performance.now() : this.#connection.now;
    if (!this.#loop.begin(now)) {
      this.#loop.rest();
      return;
    }
    this.#connection = /** @type {Connection} */ (
      this.#connections[this.#calls % this.#connections.length]
    );
    this.#calls++;
    this.#kind = this.#loop.kind();
    this.#startedAt = now;
    this.#answers = 0;
    const requests = /** @type {Requests} */ (this.#requests[this.#kind]);
    try {
      this.#connection.call(requests.path, requests.next(this.#loop.key(this.#index)), this);
    } catch (error) {
      this.#loop.fail(error);
    }
  }

  /** @type {CallHandler["onMessage"]} */
  onMessage(bytes, start, end) {
    this.#answers++;
    this.#isRight = /** @type {Requests} */ (this.#requests[this.#kind]).isAnswer(
      bytes,
      start,
      end,
    );
  }

  /** @type {CallHandler["onEnd"]} */
  onEnd(status, text) {
    let refusal;
    if (status !== 0) refusal = `${status} ${text}`;
    else if (this.#answers !== 1) refusal = `${this.#answers} answers`;
    else if (!this.#isRight) refusal = `${this.#kind}: not the answer expected`;
    this.#loop.end(this.#kind, refusal, this.#connection.now - this.#startedAt);
    if (this.#connection.failure) this.#loop.fail(this.#connection.failure);
    else this.next();
  }
}

/** @param {CallsJob} job @returns {Partial<Record<CallKind, Requests>>} */
function requestsOf({ mix, keys, valueBytes }) {
  /** @type {Record<CallKind, () => Requests>} */
  const make = {
    put: () => new Puts(keys, valueBytes),
    "range linearizable": () => new Ranges(keys, { serializable: false }),
    "range serializable": () => new Ranges(keys, { serializable: true }),
    txn: () => new Txns(keys, valueBytes),
    "range of all": () => new LargeRanges(keys, { count: keys.count }),
  };
  return Object.fromEntries(
    Object.keys(mix).map((kind) => [kind, make[/** @type {CallKind} */ (kind)]()]),
  );
}

/** @typedef {import("./connection.mjs").Connection} Connection */
/** @typedef {import("./connection.mjs").CallHandler} CallHandler */
/** @typedef {import("./requests.mjs").Requests} Requests */

/** The same sequence in each run, for both products: a xorshift of 32 bits. */
export class Chance {
  #state = 0x9e3779b9;

  /** @param {number} limit */
  below(limit) {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }
}
