// @ts-check
/**
 * Lease renewals on streams, so many under way at any time, each for another of many leases, which
 * the job grants before. Only an answer with the right lease and time left counts.
 */
import { LeaseGrantRequest, LeaseKeepAliveRequest } from "@sagong/kv/client";
import { openConnection } from "./connection.mjs";
import { FieldReader, varintField } from "./field-reader.mjs";
import { Histogram } from "./histogram.mjs";
import { withHead } from "./message-cutter.mjs";

/**
 * @typedef {object} KeepAlivesJob
 * @property {"keepAlives"} type
 * @property {string} endpoint
 * @property {number} leases
 * @property {number} streams each on a connection of its own
 * @property {number} inFlight in all
 * @property {number} seconds
 */

/** @typedef {{ renewed: number, perSecond: number, meanMs: number, p50Ms: number, p99Ms: number, maxMs: number }} KeepAlivesResult */

/** Ids of our own choice, so that a second job finds the leases of the first. */
const FIRST_ID = 1_000_000;
/** Seconds: nobody wants them to run out meanwhile. */
const TTL_SECONDS = 7_200;
const GRANTS_UNDER_WAY = 100;
const FAILED_PRECONDITION = 9;
const FIELD = { id: varintField(2), ttl: varintField(3) };

/** @param {KeepAlivesJob} job @returns {Promise<KeepAlivesResult>} */
export async function runKeepAlives(job) {
  const connections = await Promise.all(
    Array.from({ length: job.streams }, () => openConnection(job.endpoint)),
  );
  try {
    await grantAll(/** @type {Connection} */ (connections[0]), job.leases);
    const times = new Histogram();
    const began = performance.now();
    const endsAt = began + job.seconds * 1_000;
    const each = Math.ceil(job.inFlight / job.streams);
    await Promise.all(
      connections.map((connection, i) =>
        new Renewals(connection, times, { leases: job.leases, first: i, step: job.streams }).run(
          each,
          endsAt,
        ),
      ),
    );
    const seconds = (performance.now() - began) / 1_000;
    return { renewed: times.count, perSecond: times.count / seconds, ...times.summary() };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** @param {Connection} connection @param {number} leases */
function grantAll(connection, leases) {
  return new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    let begun = 0;
    let ended = 0;
    const next = () => {
      if (begun === leases) return;
      const id = BigInt(FIRST_ID + begun++);
      const message = LeaseGrantRequest.create({ id, ttl: TTL_SECONDS });
      connection.call(
        "/etcdserverpb.Lease/LeaseGrant",
        withHead(LeaseGrantRequest.encode(message)),
        {
          onMessage: () => {},
          onEnd: (status, text) => {
            // Granted by the job before.
            const isThere = status === FAILED_PRECONDITION && text.includes("already exists");
            if (status !== 0 && !isThere)
              reject(new Error(`a lease was refused: ${status} ${text}`));
            if (++ended === leases) resolve();
            else next();
          },
        },
      );
    };
    for (let i = 0; i < GRANTS_UNDER_WAY; i++) next();
  });
}

/** @implements {CallHandler} */
class Renewals {
  #connection;
  #times;
  #requests;
  #stream;
  #reader = new FieldReader();
  #at = 0;
  /** What is under way, oldest first: a stream's answers come in order. @type {{ id: number, sentAt: number }[]} */
  #underWay = [];
  #endsAt = 0;
  #isDone = false;
  /** @type {(value: void) => void} */
  #done = () => {};
  /** @type {(error: Error) => void} */
  #failed = () => {};

  /**
   * @param {Connection} connection
   * @param {Histogram} times
   * @param {{ leases: number, first: number, step: number }} options which leases are this stream's
   */
  constructor(connection, times, { leases, first, step }) {
    this.#connection = connection;
    this.#times = times;
    this.#requests = Array.from({ length: Math.ceil((leases - first) / step) }, (_, i) => {
      const id = FIRST_ID + first + i * step;
      const message = LeaseKeepAliveRequest.create({ id: BigInt(id) });
      return { id, framed: withHead(LeaseKeepAliveRequest.encode(message)) };
    });
    this.#stream = connection.stream("/etcdserverpb.Lease/LeaseKeepAlive", this);
  }

  /** @param {number} inFlight @param {number} endsAt @returns {Promise<void>} */
  run(inFlight, endsAt) {
    this.#endsAt = endsAt;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      for (let i = 0; i < inFlight; i++) this.#send(performance.now());
    });
  }

  /** @param {number} now */
  #send(now) {
    const { id, framed } = /** @type {{ id: number, framed: Buffer }} */ (
      this.#requests[this.#at++ % this.#requests.length]
    );
    this.#underWay.push({ id, sentAt: now });
    this.#stream.send(framed);
  }

  /** @type {CallHandler["onMessage"]} */
  onMessage(bytes, start, end) {
    const reader = this.#reader.over(bytes, start, end);
    let id = 0;
    let ttl = 0;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === FIELD.id) id = reader.varint();
      else if (tag === FIELD.ttl) ttl = reader.varint();
      else reader.skip(tag);
    }
    const first = this.#underWay.shift();
    if (first?.id !== id || ttl === 0) {
      throw new Error(`Cannot take an answer: lease ${id}, ${ttl} s, expected ${first?.id}`);
    }
    const { now } = this.#connection;
    this.#times.record(now - first.sentAt);
    if (now < this.#endsAt) this.#send(now);
    else if (this.#underWay.length === 0) {
      this.#isDone = true;
      this.#stream.cancel();
      this.#done();
    }
  }

  /** @type {CallHandler["onEnd"]} */
  onEnd(status, text) {
    if (!this.#isDone) this.#failed(new Error(`a stream of renewals ended: ${status} ${text}`));
  }
}

/** @typedef {import("./connection.mjs").Connection} Connection */
/** @typedef {import("./connection.mjs").CallHandler} CallHandler */
