/**
 * A version as it is stored: the wire form of `mvccpb.KeyValue`, written straight into a block and
 * read from it in part. The fields stand in the order of the generated codec, so that the bytes are
 * the same as if it had written them, and leave for clients as they lie on disk.
 */
import { MessageDecodeError, Reader } from "@sagong/rpc/message";

/** What is written; `key` as the index has it, one character a byte. */
export interface Version {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  readonly lease: bigint;
}

const TAG_KEY = 10;
const TAG_CREATE_REVISION = 16;
const TAG_MOD_REVISION = 24;
const TAG_VERSION = 32;
const TAG_VALUE = 42;
const TAG_LEASE = 48;
/** Six tags, lengths and numbers, none longer than ten bytes. */
const FIELDS_BYTES_MAX = 6 + 2 * 5 + 4 * 10;
const TWO_28 = 2 ** 28;

/** Room that a version needs at most. */
export function versionBytesMax({ key, value }: Version): number {
  return key.length + value.length + FIELDS_BYTES_MAX;
}

/** Gives the offset behind what was written. */
export function writeVersion(version: Version, into: Uint8Array, start: number): number {
  const { key, createRevision, modRevision, value, lease } = version;
  let at = start;
  if (key.length > 0) {
    into[at++] = TAG_KEY;
    at = writeVarint(key.length, into, at);
    for (let i = 0; i < key.length; i++) into[at++] = key.charCodeAt(i);
  }
  if (createRevision > 0) {
    into[at++] = TAG_CREATE_REVISION;
    at = writeVarint(createRevision, into, at);
  }
  into[at++] = TAG_MOD_REVISION;
  at = writeVarint(modRevision, into, at);
  if (version.version > 0) {
    into[at++] = TAG_VERSION;
    at = writeVarint(version.version, into, at);
  }
  if (value.length > 0) {
    into[at++] = TAG_VALUE;
    at = writeVarint(value.length, into, at);
    into.set(value, at);
    at += value.length;
  }
  if (lease !== 0n) {
    into[at++] = TAG_LEASE;
    at = writeVarintBig(BigInt.asUintN(64, lease), into, at);
  }
  return at;
}

/** A whole number from 0 to 2^53. */
export function writeVarint(value: number, into: Uint8Array, start: number): number {
  let at = start;
  let rest = value;
  while (rest >= TWO_28) {
    into[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

function writeVarintBig(value: bigint, into: Uint8Array, start: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7fn) {
    into[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  into[at++] = Number(rest);
  return at;
}

/**
 * Reads everything of a version but its value, which is passed over. One object for many versions of
 * one array: `read` sets the fields.
 */
export class VersionHead {
  readonly bytes: Uint8Array;
  readonly #reader: Reader;
  keyStart = 0;
  keyEnd = 0;
  createRevision = 0;
  modRevision = 0;
  /** 0 for a delete. */
  version = 0;
  lease = 0n;
  /** The value's field, tag and length included; empty where there is none. */
  valueStart = 0;
  valueEnd = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#reader = new Reader(bytes);
  }

  /** Throws `MessageDecodeError`. */
  read(start: number, end: number): void {
    const reader = this.#reader;
    reader.position = start;
    this.keyStart = this.keyEnd = start;
    this.valueStart = this.valueEnd = end;
    this.createRevision = this.modRevision = this.version = 0;
    this.lease = 0n;
    while (reader.position < end) {
      const { position } = reader;
      const tag = reader.tag();
      if (tag === TAG_KEY) {
        const length = reader.uint32();
        this.keyStart = reader.position;
        this.keyEnd = reader.position = this.keyStart + length;
        if (this.keyEnd > end) {
          throw new MessageDecodeError(`a key of ${length} bytes passes the end of its pair`);
        }
      } else if (tag === TAG_CREATE_REVISION) this.createRevision = reader.int64();
      else if (tag === TAG_MOD_REVISION) this.modRevision = reader.int64();
      else if (tag === TAG_VERSION) this.version = reader.int64();
      else if (tag === TAG_LEASE) this.lease = reader.int64Big();
      else {
        reader.skip(tag);
        if (tag !== TAG_VALUE) continue;
        this.valueStart = position;
        this.valueEnd = reader.position;
      }
    }
  }

  get key(): Uint8Array {
    return this.bytes.subarray(this.keyStart, this.keyEnd);
  }
}
