// @ts-check
/**
 * The requests that the generator sends: encoded once by the store's own codecs, and changed in
 * place from then on. One object serves one call at a time; `next()` is copied before it is asked
 * for again.
 */
import {
  Compare,
  CompareResult,
  CompareTarget,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from "@sagong/kv/client";
import { bytesField, FieldReader, varintField } from "./field-reader.mjs";
import { withHead } from "./message-cutter.mjs";

/**
 * @typedef {object} Keys which keys a job works on: `prefix` and a number, filled with zeros
 * @property {string} prefix
 * @property {number} count
 * @property {number} bytes of a whole key
 */

/**
 * @typedef {object} Requests
 * @property {string} path
 * @property {(key: number) => Buffer} next the framed request for the key of that number
 * @property {(bytes: Buffer, start: number, end: number) => boolean} isAnswer whether this answers it as it should
 */

const HEADER = bytesField(1);

/** @param {Keys} keys @param {number} number */
export function keyOf({ prefix, bytes }, number) {
  return Buffer.from(prefix + String(number).padStart(bytes - prefix.length, "0"), "latin1");
}

/** @param {number} bytes */
export function valueOf(bytes) {
  return new Uint8Array(bytes).fill(0x78);
}

/** @param {Buffer} bytes @param {number} end the digit behind the last @param {number} number */
function writeDigits(bytes, end, number) {
  let rest = number;
  for (let at = end - 1; rest > 0; at--) {
    bytes[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** Changes the number at the end of a key inside an encoded request. */
class KeySlot {
  #bytes;
  #end;
  #zeros;

  /** @param {Buffer} framed @param {Keys} keys */
  constructor(framed, keys) {
    const key = keyOf(keys, 0);
    this.#bytes = framed;
    this.#zeros = Buffer.alloc(key.length - keys.prefix.length, "0");
    this.#end = framed.indexOf(key) + key.length;
    if (this.#end < key.length) throw new Error("Cannot find the key in its request");
  }

  /** @param {number} number */
  write(number) {
    this.#bytes.set(this.#zeros, this.#end - this.#zeros.length);
    writeDigits(this.#bytes, this.#end, number);
  }
}

/** @implements {Requests} */
export class Puts {
  path = "/etcdserverpb.KV/Put";
  #framed;
  #key;
  #reader = new FieldReader();

  /** @param {Keys} keys @param {number} valueBytes */
  constructor(keys, valueBytes) {
    const message = PutRequest.create({ key: keyOf(keys, 0), value: valueOf(valueBytes) });
    this.#framed = withHead(PutRequest.encode(message));
    this.#key = new KeySlot(this.#framed, keys);
  }

  /** @param {number} key */
  next(key) {
    this.#key.write(key);
    return this.#framed;
  }

  /** @type {Requests["isAnswer"]} */
  isAnswer(bytes, start, end) {
    return this.#reader.over(bytes, start, end).tag() === HEADER;
  }
}

/** @implements {Requests} */
export class Ranges {
  path = "/etcdserverpb.KV/Range";
  #framed;
  #key;
  #reader = new FieldReader();

  /** @param {Keys} keys @param {{ serializable: boolean }} options */
  constructor(keys, { serializable }) {
    const message = RangeRequest.create({ key: keyOf(keys, 0), serializable });
    this.#framed = withHead(RangeRequest.encode(message));
    this.#key = new KeySlot(this.#framed, keys);
  }

  /** @param {number} key */
  next(key) {
    this.#key.write(key);
    return this.#framed;
  }

  /** One key was asked for, and must have come. @type {Requests["isAnswer"]} */
  isAnswer(bytes, start, end) {
    return countKeys(this.#reader.over(bytes, start, end)) === 1;
  }
}

/** All keys of the key space, in one answer. @implements {Requests} */
export class LargeRanges {
  path = "/etcdserverpb.KV/Range";
  #framed;
  #count;
  #reader = new FieldReader();

  /** @param {Keys} keys @param {{ count: number }} options */
  constructor(keys, { count }) {
    this.#count = count;
    const key = keyOf(keys, 0);
    const message = RangeRequest.create({ key, rangeEnd: keyOf(keys, count) });
    this.#framed = withHead(RangeRequest.encode(message));
  }

  next() {
    return this.#framed;
  }

  /** @type {Requests["isAnswer"]} */
  isAnswer(bytes, start, end) {
    return countKeys(this.#reader.over(bytes, start, end)) === this.#count;
  }
}

/** @param {FieldReader} reader over a RangeResponse */
function countKeys(reader) {
  let keys = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesField(2)) keys++;
    reader.skip(tag);
  }
  return keys;
}

/**
 * If the key's mod revision is what this client saw, put: what every Kubernetes update is. A key
 * belongs to one object of this class alone, so that each compare holds and each txn writes.
 * @implements {Requests}
 */
export class Txns {
  path = "/etcdserverpb.KV/Txn";
  #keys;
  #valueBytes;
  #reader = new FieldReader();
  /** By key. @type {Map<number, number>} */
  #modRevisions = new Map();
  #key = 0;

  /** @param {Keys} keys @param {number} valueBytes */
  constructor(keys, valueBytes) {
    this.#keys = keys;
    this.#valueBytes = valueBytes;
  }

  /** @param {number} number */
  next(number) {
    this.#key = number;
    const key = keyOf(this.#keys, number);
    const value = valueOf(this.#valueBytes);
    const message = TxnRequest.create({
      compare: [
        Compare.create({
          result: CompareResult.EQUAL,
          target: CompareTarget.MOD,
          key,
          targetUnion: { kind: "modRevision", value: this.#modRevisions.get(number) ?? 0 },
        }),
      ],
      success: [{ request: { kind: "requestPut", value: PutRequest.create({ key, value }) } }],
      failure: [{ request: { kind: "requestRange", value: RangeRequest.create({ key }) } }],
    });
    return withHead(TxnRequest.encode(message));
  }

  /** The compare held: else there was no put. @type {Requests["isAnswer"]} */
  isAnswer(bytes, start, end) {
    const reader = this.#reader.over(bytes, start, end);
    let succeeded = false;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === HEADER) {
        const length = reader.length();
        this.#modRevisions.set(this.#key, revisionIn(bytes, reader.at, reader.at + length));
        reader.at += length;
      } else if (tag === varintField(2)) succeeded = reader.varint() === 1;
      else reader.skip(tag);
    }
    return succeeded;
  }
}

/** Of a ResponseHeader. @type {(bytes: Buffer, start: number, end: number) => number} */
export function revisionIn(bytes, start, end) {
  const reader = new FieldReader().over(bytes, start, end);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === varintField(3)) return reader.varint();
    reader.skip(tag);
  }
  return 0;
}
