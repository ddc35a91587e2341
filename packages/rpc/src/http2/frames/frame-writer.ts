/**
 * Writes frames one after the other, to be taken all at once: replies made in one turn leave in
 * one write. Small payloads are copied beside their headers; large ones become parts of their own,
 * and must not change until they are sent.
 */
import type { ErrorCode } from "./error-code.js";
import { Flag, FRAME_HEADER_BYTES, FrameType, type Setting } from "./frame.js";

/** Frames are cut from slabs of this size, one after the other. */
const SLAB_BYTES = 32_768;
/** From here on, copying costs more than one more part of a write. */
const PART_BYTES_MIN = 4_096;

export interface FrameEnd {
  readonly endStream: boolean;
}

export class FrameWriter {
  #slab: Uint8Array = new Uint8Array(SLAB_BYTES);
  /** What of the slab is taken, and from where on it is written but not yet a part. */
  #length = 0;
  #start = 0;
  #parts: Uint8Array[] = [];
  #partBytes = 0;

  /** Bytes that wait to be taken. */
  get pendingBytes(): number {
    return this.#partBytes + this.#length - this.#start;
  }

  /** Everything written since the last call, in order. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#partBytes = 0;
    return parts;
  }

  raw(bytes: Uint8Array): void {
    this.#payload(bytes);
  }

  data(streamId: number, data: Uint8Array, { endStream }: FrameEnd): void {
    const flags = endStream ? Flag.endStream : 0;
    this.#header(data.length, { type: FrameType.data, flags, streamId });
    this.#payload(data);
  }

  /** A whole field block, continued in CONTINUATION frames where it exceeds `frameBytesMax`. */
  headers(
    streamId: number,
    block: Uint8Array,
    { endStream, frameBytesMax }: FrameEnd & { readonly frameBytesMax: number },
  ): void {
    let type: number = FrameType.headers;
    let flags: number = endStream ? Flag.endStream : 0;
    let rest = block;
    while (rest.length > frameBytesMax) {
      this.#header(frameBytesMax, { type, flags, streamId });
      this.#payload(rest.subarray(0, frameBytesMax));
      rest = rest.subarray(frameBytesMax);
      type = FrameType.continuation;
      flags = 0;
    }
    this.#header(rest.length, { type, flags: flags | Flag.endHeaders, streamId });
    this.#payload(rest);
  }

  settings(settings: readonly Setting[]): void {
    this.#header(settings.length * 6, { type: FrameType.settings, flags: 0, streamId: 0 });
    for (const { id, value } of settings) {
      this.#reserve(6);
      this.#byte(id >>> 8);
      this.#byte(id);
      this.#uint32(value);
    }
  }

  settingsAck(): void {
    this.#header(0, { type: FrameType.settings, flags: Flag.ack, streamId: 0 });
  }

  /** `data` has 8 bytes. */
  ping(data: Uint8Array, { isAck }: { readonly isAck: boolean }): void {
    this.#header(8, { type: FrameType.ping, flags: isAck ? Flag.ack : 0, streamId: 0 });
    this.#payload(data);
  }

  goaway(lastStreamId: number, code: ErrorCode, debug: Uint8Array): void {
    this.#header(8 + debug.length, { type: FrameType.goaway, flags: 0, streamId: 0 });
    this.#reserve(8);
    this.#uint32(lastStreamId);
    this.#uint32(code);
    this.#payload(debug);
  }

  rstStream(streamId: number, code: ErrorCode): void {
    this.#header(4, { type: FrameType.rstStream, flags: 0, streamId });
    this.#reserve(4);
    this.#uint32(code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#header(4, { type: FrameType.windowUpdate, flags: 0, streamId });
    this.#reserve(4);
    this.#uint32(increment);
  }

  #header(
    length: number,
    {
      type,
      flags,
      streamId,
    }: { readonly type: number; readonly flags: number; readonly streamId: number },
  ): void {
    this.#reserve(FRAME_HEADER_BYTES);
    this.#byte(length >>> 16);
    this.#byte(length >>> 8);
    this.#byte(length);
    this.#byte(type);
    this.#byte(flags);
    this.#uint32(streamId);
  }

  #payload(bytes: Uint8Array): void {
    if (bytes.length >= PART_BYTES_MIN) {
      this.#cut();
      this.#parts.push(bytes);
      this.#partBytes += bytes.length;
      return;
    }
    this.#reserve(bytes.length);
    this.#slab.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Makes a part of what was written into the slab; the rest of the slab is used on. */
  #cut(): void {
    if (this.#length === this.#start) return;
    this.#parts.push(this.#slab.subarray(this.#start, this.#length));
    this.#partBytes += this.#length - this.#start;
    this.#start = this.#length;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#slab.length) return;
    this.#cut();
    this.#slab = new Uint8Array(SLAB_BYTES);
    this.#start = 0;
    this.#length = 0;
  }

  #byte(value: number): void {
    this.#slab[this.#length++] = value;
  }

  #uint32(value: number): void {
    this.#byte(value >>> 24);
    this.#byte(value >>> 16);
    this.#byte(value >>> 8);
    this.#byte(value);
  }
}
