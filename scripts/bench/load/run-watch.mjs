// @ts-check
/**
 * Many watchers, and a writer whose every put some of them see. The value carries when it was sent
 * and its number, so that each event tells how long it took, and an event that is lost, doubled or
 * not ours is found: the job fails with it.
 *
 * Unpaced, a put may begin while fewer than `window` of them are not with all their watchers yet:
 * as fast as the store delivers, without a backlog that grows. Paced, puts begin at a rate, whatever
 * has been delivered.
 */
import { WatchCreateRequest, WatchRequest } from "@sagong/kv/client";
import { openConnection } from "./connection.mjs";
import { bytesField, FieldReader, varintField } from "./field-reader.mjs";
import { Histogram } from "./histogram.mjs";
import { withHead } from "./message-cutter.mjs";
import { keyOf, Puts } from "./requests.mjs";

/**
 * @typedef {object} WatchJob
 * @property {"watch"} type
 * @property {readonly string[]} endpoints that are watched, one connection after the other
 * @property {string} writeTo endpoint
 * @property {import("./requests.mjs").Keys} keys
 * @property {number} watchersPerKey
 * @property {number} connections of the watchers
 * @property {number} streams on each of them
 * @property {number} valueBytes
 * @property {number} seconds how long puts are begun
 * @property {number} [window] unpaced
 * @property {number} [rate] paced: puts a second
 */

/**
 * @typedef {object} WatchResult
 * @property {number} writes all acknowledged
 * @property {number} events all delivered
 * @property {number} perSecond events, from the first put to the last delivery
 * @property {number} writesPerSecond
 * @property {number} lagMs from the last put's sending to the last delivery
 * @property {number} setupMs until the last watcher was created
 * @property {number} meanMs of the deliveries
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} maxMs
 */

/** Puts under way on one connection. */
const STREAMS_MAX = 100;
/** Paced puts that are not acknowledged: above this the store takes no more. */
const PACED_UNDER_WAY_MAX = 1_000;
const TICK_MS = 1;
/** All that was written must be delivered by then. */
const DRAIN_LIMIT_MS = 60_000;

/** @param {WatchJob} job @returns {Promise<WatchResult>} */
export async function runWatch(job) {
  /** @type {Connection[]} */
  const connections = [];
  const open = async (/** @type {string} */ endpoint) => {
    const connection = await openConnection(endpoint);
    connections.push(connection);
    return connection;
  };
  try {
    const deliveries = new Deliveries(job.watchersPerKey);
    const began = performance.now();
    await watchAll(job, deliveries, open);
    const setupMs = performance.now() - began;
    const result = await new Writer(job, deliveries, await openWriters(job, open)).run();
    return { ...result, setupMs };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/**
 * @param {WatchJob} job
 * @param {Deliveries} deliveries
 * @param {(endpoint: string) => Promise<Connection>} open
 */
async function watchAll({ endpoints, keys, watchersPerKey, ...shape }, deliveries, open) {
  /** @type {Watches[]} */
  const streams = [];
  for (let i = 0; i < shape.connections; i++) {
    const connection = await open(/** @type {string} */ (endpoints[i % endpoints.length]));
    for (let j = 0; j < shape.streams; j++) streams.push(new Watches(connection, deliveries));
  }
  for (let watcher = 0; watcher < keys.count * watchersPerKey; watcher++) {
    // The watchers of one key lie on different streams.
    const stream = /** @type {Watches} */ (streams[watcher % streams.length]);
    stream.create(keyOf(keys, Math.floor(watcher / watchersPerKey)));
  }
  await Promise.all(streams.map((stream) => stream.created));
}

/** @param {WatchJob} job @param {(endpoint: string) => Promise<Connection>} open */
function openWriters({ writeTo, window }, open) {
  const count = Math.ceil((window ?? PACED_UNDER_WAY_MAX) / STREAMS_MAX);
  return Promise.all(Array.from({ length: count }, () => open(writeTo)));
}

/** Which puts are with how many of their watchers. */
class Deliveries {
  times = new Histogram();
  events = 0;
  /** Puts that are with all their watchers. */
  done = 0;
  lastAt = 0;
  /** Called when a put is with all its watchers. */
  onDone = () => {};
  /** @type {(error: Error) => void} */
  onFail = () => {};
  #watchers;
  /** Events that have not come, by the put's number. @type {number[]} */
  #missing = [];

  /** @param {number} watchersPerKey */
  constructor(watchersPerKey) {
    this.#watchers = watchersPerKey;
  }

  get begun() {
    return this.#missing.length;
  }

  /** @returns {number} the put's number */
  begin() {
    return this.#missing.push(this.#watchers) - 1;
  }

  /** @param {number} number @param {number} sentAt @param {number} now */
  event(number, sentAt, now) {
    const missing = this.#missing[number];
    if (missing === undefined || missing === 0) {
      throw new Error(
        `Cannot take an event of put ${number}: ${missing ?? "no such put"} expected`,
      );
    }
    this.#missing[number] = missing - 1;
    this.events++;
    this.times.record(now - sentAt);
    if (missing > 1) return;
    this.done++;
    this.lastAt = now;
    this.onDone();
  }
}

const EVENT_KV = bytesField(2);
const KV_VALUE = bytesField(5);
const RESPONSE = {
  created: varintField(3),
  canceled: varintField(4),
  fragment: varintField(7),
  event: bytesField(11),
};
/** Sent at (float64) and number (uint32), at the value's start. */
const STAMP = { sentAt: 0, number: 8, bytes: 12 };

/** The watchers on one stream. @implements {CallHandler} */
class Watches {
  /** @type {Promise<void>} */
  created;
  #connection;
  #deliveries;
  #stream;
  #wanted = 0;
  #reader = new FieldReader();
  #allCreated = () => {};
  /** @type {(error: Error) => void} */
  #failed = () => {};

  /** @param {Connection} connection @param {Deliveries} deliveries */
  constructor(connection, deliveries) {
    this.#connection = connection;
    this.#deliveries = deliveries;
    this.created = new Promise((resolve, reject) => {
      this.#allCreated = resolve;
      this.#failed = reject;
    });
    this.#stream = connection.stream("/etcdserverpb.Watch/Watch", this);
  }

  /** @param {Uint8Array} key */
  create(key) {
    this.#wanted++;
    const value = WatchCreateRequest.create({ key });
    const message = WatchRequest.create({ requestUnion: { kind: "createRequest", value } });
    this.#stream.send(withHead(WatchRequest.encode(message)));
  }

  /** @type {CallHandler["onMessage"]} */
  onMessage(bytes, start, end) {
    const reader = this.#reader.over(bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === RESPONSE.event) this.#event(reader, reader.length());
      else if (tag === RESPONSE.created) {
        if (reader.varint() === 1 && --this.#wanted === 0) this.#allCreated();
      } else if (tag === RESPONSE.canceled) {
        if (reader.varint() === 1) throw new Error("the server canceled a watch");
      } else reader.skip(tag);
    }
  }

  /** @param {FieldReader} reader @param {number} length */
  #event(reader, length) {
    const end = reader.at + length;
    while (reader.at < end) {
      const tag = reader.varint();
      if (tag !== EVENT_KV) {
        reader.skip(tag);
        continue;
      }
      const kvEnd = reader.length() + reader.at;
      while (reader.at < kvEnd) {
        const field = reader.varint();
        if (field !== KV_VALUE) {
          reader.skip(field);
          continue;
        }
        const valueLength = reader.length();
        const value = reader.at;
        reader.at += valueLength;
        const sentAt = reader.bytes.readDoubleLE(value + STAMP.sentAt);
        const number = reader.bytes.readUInt32LE(value + STAMP.number);
        this.#deliveries.event(number, sentAt, this.#connection.now);
      }
    }
  }

  /** @type {CallHandler["onEnd"]} */
  onEnd(status, text) {
    const error = new Error(`a watch stream ended: ${status} ${text}`);
    this.#failed(error);
    this.#deliveries.onFail(error);
  }
}

class Writer {
  #job;
  #deliveries;
  #connections;
  #puts;
  #acknowledged = 0;
  #firstAt = 0;
  #lastAt = 0;
  #isOver = false;
  /** @type {(value: void) => void} */
  #done = () => {};

  /**
   * @param {WatchJob} job
   * @param {Deliveries} deliveries
   * @param {readonly Connection[]} connections
   */
  constructor(job, deliveries, connections) {
    if (job.valueBytes < STAMP.bytes) {
      throw new Error(`Cannot stamp values of ${job.valueBytes} bytes: expected ${STAMP.bytes}`);
    }
    this.#job = job;
    this.#deliveries = deliveries;
    this.#connections = connections;
    this.#puts = new Puts(job.keys, job.valueBytes);
  }

  /** @returns {Promise<Omit<WatchResult, "setupMs">>} */
  async run() {
    const deliveries = this.#deliveries;
    /** @type {NodeJS.Timeout[]} */
    const timers = [];
    this.#firstAt = performance.now();
    await new Promise((resolve, reject) => {
      this.#done = resolve;
      deliveries.onFail = reject;
      deliveries.onDone = () => this.#afterDelivery();
      const seconds = this.#job.seconds * 1_000;
      timers.push(setTimeout(() => this.#end(), seconds));
      const tooLong = () => reject(new Error(this.#state()));
      timers.push(setTimeout(tooLong, seconds + DRAIN_LIMIT_MS));
      if (this.#job.rate !== undefined) timers.push(setInterval(() => this.#pace(), TICK_MS));
      else for (let i = 0; i < (this.#job.window ?? 1); i++) this.#put();
    }).finally(() => {
      for (const timer of timers) clearTimeout(timer);
    });
    const { events, times, lastAt, begun } = deliveries;
    return {
      writes: begun,
      events,
      perSecond: events / ((lastAt - this.#firstAt) / 1_000),
      writesPerSecond: begun / ((this.#lastAt - this.#firstAt) / 1_000),
      lagMs: lastAt - this.#lastAt,
      ...times.summary(),
    };
  }

  #afterDelivery() {
    if (this.#job.rate === undefined && !this.#isOver) this.#put();
    else this.#rest();
  }

  #pace() {
    if (this.#isOver) return;
    const due = ((performance.now() - this.#firstAt) / 1_000) * (this.#job.rate ?? 0);
    const deliveries = this.#deliveries;
    while (deliveries.begun < due && deliveries.begun - this.#acknowledged < PACED_UNDER_WAY_MAX) {
      this.#put();
    }
  }

  #put() {
    const number = this.#deliveries.begin();
    const connection = /** @type {Connection} */ (
      this.#connections[number % this.#connections.length]
    );
    const now = performance.now();
    this.#lastAt = now;
    const framed = this.#puts.next(number % this.#job.keys.count);
    const value = framed.length - this.#job.valueBytes;
    framed.writeDoubleLE(now, value + STAMP.sentAt);
    framed.writeUInt32LE(number, value + STAMP.number);
    connection.call(this.#puts.path, framed, this);
  }

  /** A put's answer says nothing that its events do not. */
  onMessage() {}

  /** @type {CallHandler["onEnd"]} */
  onEnd(status, text) {
    if (status !== 0) this.#deliveries.onFail(new Error(`a put was refused: ${status} ${text}`));
    this.#acknowledged++;
    this.#rest();
  }

  #end() {
    this.#isOver = true;
    this.#rest();
  }

  #rest() {
    const { begun, done } = this.#deliveries;
    if (this.#isOver && done === begun && this.#acknowledged === begun) this.#done();
  }

  #state() {
    const { begun, done, events } = this.#deliveries;
    return (
      `Cannot finish: of ${begun} puts ${this.#acknowledged} are acknowledged and ${done} are with ` +
      `all their watchers, ${events} events came`
    );
  }
}

/** @typedef {import("./connection.mjs").Connection} Connection */
/** @typedef {import("./connection.mjs").CallHandler} CallHandler */
