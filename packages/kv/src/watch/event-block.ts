/**
 * Events as they go over the wire, made once for all watchers that get the same ones: the field
 * `events` of a WatchResponse, to stand behind whatever differs from watcher to watcher.
 */
import { EventType } from "../gen/kv.js";
import type { Change } from "../mvcc/change.js";

/** Field 11 of WatchResponse, a message. */
const EVENTS_TAG = (11 << 3) | 2;
/** mvccpb.Event: type = 1 (a number), kv = 2 and prev_kv = 3 (messages). */
const TYPE_TAG = 1 << 3;
const KV_TAG = (2 << 3) | 2;
const PREV_KV_TAG = (3 << 3) | 2;

/** The wire form of the pair before a change; undefined where there was none. */
export type PreviousBytes = (change: Change) => Uint8Array | undefined;

export class EventBlock {
  /** In order, and never a part of a revision's. At least one. */
  readonly changes: readonly Change[];
  /** All events that are wanted up to here are in this block or before it; the header's revision. */
  readonly revision: number;
  readonly bytes: Uint8Array;
  /** Where each event begins. */
  readonly starts: readonly number[];

  constructor(
    changes: readonly Change[],
    { revision, previous }: { readonly revision: number; readonly previous?: PreviousBytes },
  ) {
    this.changes = changes;
    this.revision = revision;
    const before = previous && changes.map(previous);
    let length = 0;
    const starts: number[] = [];
    for (const [i, change] of changes.entries()) {
      starts.push(length);
      length += fieldBytes(eventBytes(change, before?.[i]));
    }
    this.starts = starts;
    this.bytes = new Uint8Array(length);
    let offset = 0;
    for (const [i, change] of changes.entries()) {
      offset = writeEvent(this.bytes, offset, { change, previous: before?.[i] });
    }
  }

  /** The revision of its first event. */
  get firstRevision(): number {
    return (this.changes[0] as Change).revision; // There is at least one.
  }

  /**
   * Cut between events into parts of at most `bytesMax`, except for a single larger event: that one
   * is never split.
   */
  fragments(bytesMax: number): readonly Uint8Array[] {
    if (this.bytes.length <= bytesMax) return [this.bytes];
    const parts: Uint8Array[] = [];
    let begin = 0;
    for (const [i, start] of this.starts.entries()) {
      const end = this.starts[i + 1] ?? this.bytes.length;
      if (end - begin <= bytesMax || start === begin) continue;
      parts.push(this.bytes.subarray(begin, start));
      begin = start;
    }
    parts.push(this.bytes.subarray(begin));
    return parts;
  }
}

function eventBytes({ type, bytes }: Change, previous: Uint8Array | undefined): number {
  let length = fieldBytes(bytes.length);
  if (type === EventType.DELETE) length += 2;
  if (previous) length += fieldBytes(previous.length);
  return length;
}

/** A field of a message: one byte of tag, the length, and `length` bytes. */
function fieldBytes(length: number): number {
  let bytes = 2 + length;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function writeEvent(
  into: Uint8Array,
  offset: number,
  event: { readonly change: Change; readonly previous: Uint8Array | undefined },
): number {
  const { change, previous } = event;
  let at = writeHead(into, offset, { tag: EVENTS_TAG, length: eventBytes(change, previous) });
  if (change.type === EventType.DELETE) {
    into[at++] = TYPE_TAG;
    into[at++] = EventType.DELETE;
  }
  at = writeField(into, at, { tag: KV_TAG, bytes: change.bytes });
  return previous ? writeField(into, at, { tag: PREV_KV_TAG, bytes: previous }) : at;
}

function writeField(
  into: Uint8Array,
  offset: number,
  { tag, bytes }: { readonly tag: number; readonly bytes: Uint8Array },
): number {
  const at = writeHead(into, offset, { tag, length: bytes.length });
  into.set(bytes, at);
  return at + bytes.length;
}

function writeHead(
  into: Uint8Array,
  offset: number,
  { tag, length }: { readonly tag: number; readonly length: number },
): number {
  let at = offset;
  into[at++] = tag;
  let rest = length;
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}
