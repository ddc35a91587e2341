/**
 * Log records and entries in their wire form, in parts: what is large stands in them as it is, the
 * same bytes for the disk and for every peer. The result is what the generated code would write, but
 * for the order of fields, which protobuf leaves free.
 */
import { bytesOf } from "@sagong/base";
import { Writer } from "@sagong/rpc/message";
import type { Entry } from "../core/types.js";
import { type LogEntry, LogRecord } from "../gen/raft.js";
import { entryToMessage } from "./record-codec.js";

/** Data below it is copied: a part of its own costs more. */
const LARGE_BYTES = 4_096;
const LOG_RECORD_ENTRIES_TAG = (2 << 3) | 2;
const LOG_RECORD_END_TAG = 15 << 3;
/** The last byte of every record. */
const END = 127;
const [INDEX_TAG, TERM_TAG, TYPE_TAG, DATA_TAG] = [1 << 3, 2 << 3, 3 << 3, (4 << 3) | 2] as const;

export function isLarge(bytes: Uint8Array): boolean {
  return bytes.length >= LARGE_BYTES;
}

export function hasLarge(entries: readonly Pick<Entry, "data">[]): boolean {
  for (const { data } of entries) if (isLarge(data)) return true;
  return false;
}

/** What a record has beside entries. */
export interface RecordHeader {
  readonly identity?: LogRecord["identity"];
  readonly hardState?: LogRecord["hardState"];
  readonly snapshot?: LogRecord["snapshot"];
  readonly reset?: boolean;
}

const NO_ENTRIES: readonly LogEntry[] = [];

/** A record of `header` and these entries. */
export function encodeLogRecord(
  header: RecordHeader,
  entries: readonly Entry[] = [],
): Uint8Array[] {
  const inOne = !hasLarge(entries);
  const record: LogRecord = {
    hardState: header.hardState,
    entries: inOne ? entries.map(entryToMessage) : NO_ENTRIES,
    snapshot: header.snapshot,
    identity: header.identity,
    reset: header.reset ?? false,
    end: inOne ? END : 0,
  };
  const parts = [LogRecord.encode(record)];
  if (inOne) return parts;
  for (const entry of entries) pushEntry(parts, LOG_RECORD_ENTRIES_TAG, entryToMessage(entry));
  parts.push(Uint8Array.of(LOG_RECORD_END_TAG, END));
  return parts;
}

/** The field `tag` with an entry in it. */
export function pushEntry(parts: Uint8Array[], tag: number, entry: LogEntry): void {
  const { index, term, type, data } = entry;
  const dataBytes = 1 + varintBytes(data.length) + data.length;
  const size = fieldBytes(index) + fieldBytes(term) + fieldBytes(type) + dataBytes;
  const writer = new Writer();
  writer.uint32(tag);
  writer.uint32(size);
  for (const [field, value] of [
    [INDEX_TAG, index],
    [TERM_TAG, term],
    [TYPE_TAG, type],
  ] as const) {
    if (value === 0) continue;
    writer.uint32(field);
    writer.uint64(value);
  }
  writer.uint32(DATA_TAG);
  writer.uint32(data.length);
  parts.push(writer.finish(), data);
}

/** The field `tag` with these bytes, or the message that these parts are, in it. */
export function pushField(into: Uint8Array[], tag: number, parts: readonly Uint8Array[]): void {
  const writer = new Writer();
  writer.uint32(tag);
  writer.uint32(bytesOf(parts));
  into.push(writer.finish(), ...parts);
}

function fieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
