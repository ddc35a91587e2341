/**
 * Watches one endpoint's bytes and throws where it sends what RFC 9113 forbids: an account of
 * windows, streams and settings of its own, which shares no code with the engine but the HPACK
 * decoder and the error codes.
 *
 * It is told what goes to the endpoint as well (`input`), before the endpoint gets it. What the
 * endpoint may do because of that is an upper bound: a frame that it refuses only ends things.
 */
import { HpackDecoder } from "../../src/http2/hpack/hpack-decoder.js";
import { ACK, END_HEADERS, END_STREAM, Type } from "./frame-bytes.js";
import type { Role } from "./subject.js";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const WINDOW_MAX = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;
/** Flags that we ever set. */
const FLAGS: Readonly<Record<number, number>> = {
  [Type.data]: END_STREAM,
  [Type.headers]: END_STREAM | END_HEADERS,
  [Type.settings]: ACK,
  [Type.ping]: ACK,
  [Type.continuation]: END_HEADERS,
};

interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Cuts bytes into frames; shares no code with `FrameParser`. */
export class Cutter {
  #rest: Uint8Array = new Uint8Array(0);

  cut(bytes: Uint8Array): { readonly frame: RawFrame; readonly bytes: Uint8Array }[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const frames = [];
    let offset = 0;
    while (offset + 9 <= all.length) {
      const view = new DataView(all.buffer, offset);
      const length = view.getUint32(0) >>> 8;
      const end = offset + 9 + length;
      if (end > all.length) break;
      frames.push({
        frame: {
          type: view.getUint8(3),
          flags: view.getUint8(4),
          streamId: view.getUint32(5),
          payload: all.slice(offset + 9, end),
        },
        bytes: all.slice(offset, end),
      });
      offset = end;
    }
    this.#rest = all.slice(offset);
    return frames;
  }

  get rest(): Uint8Array {
    return this.#rest;
  }
}

interface StreamAccount {
  /** What the endpoint may still send. */
  credit: number;
  hasHead: boolean;
  isEnded: boolean;
  isReset: boolean;
  /** The peer has reset it. */
  isGone: boolean;
  /** DATA that came to the endpoint, and what it gave back. */
  received: number;
  granted: number;
}

export class Auditor {
  /** What the endpoint has sent and received of DATA, in all. */
  sentBytes = 0;
  receivedBytes = 0;
  /** What it gave back of the connection's window, its enlargement at the start aside. */
  grantedBytes: number;
  isClosed = false;
  readonly #role: Role;
  /** Frames are handed over one by one, so that nothing crosses on the way. */
  readonly #isInStep: boolean;
  readonly #cutter = new Cutter();
  readonly #decoder = new HpackDecoder({ listBytesMax: 10_000_000 });
  readonly #streams = new Map<number, StreamAccount>();
  readonly #settings: (readonly (readonly [id: number, value: number])[])[] = [];
  readonly #pings: string[] = [];
  #preface: string;
  #hasSettings = false;
  #frameBytesMax = 16_384;
  #initialCredit = DEFAULT_WINDOW;
  #credit = DEFAULT_WINDOW;
  #named = WINDOW_MAX;
  #block: { readonly streamId: number; readonly flags: number; fragments: number[] } | undefined;
  #highestOpened = 0;

  constructor(
    role: Role,
    {
      isInStep,
      connectionWindow,
    }: { readonly isInStep: boolean; readonly connectionWindow: number },
  ) {
    this.#role = role;
    this.#isInStep = isInStep;
    this.grantedBytes = DEFAULT_WINDOW - connectionWindow;
    this.#preface = role === "client" ? PREFACE : "";
  }

  /** A frame that the endpoint is about to get. */
  input({ type, flags, streamId: rawId, payload }: RawFrame): void {
    const streamId = rawId & 0x7fffffff;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    if (type === Type.settings && (flags & ACK) === 0) this.#expectAck(view);
    if (type === Type.ping && (flags & ACK) === 0) this.#pings.push(payload.join());
    if (type === Type.windowUpdate && payload.length === 4) {
      const increment = view.getUint32(0) & 0x7fffffff;
      if (streamId === 0) this.#credit += increment;
      else this.#account(streamId).credit += increment;
    }
    if (type === Type.headers && this.#role === "server") this.#account(streamId);
    if (type === Type.rstStream && payload.length === 4) this.#account(streamId).isGone = true;
    if (type !== Type.data) return;
    this.receivedBytes += payload.length;
    this.#account(streamId).received += payload.length;
  }

  /** Bytes that the endpoint has sent. */
  output(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#preface.length > 0) {
      const start = String.fromCharCode(...rest.subarray(0, this.#preface.length));
      this.#require(this.#preface.startsWith(start), "the preface");
      this.#preface = this.#preface.slice(start.length);
      rest = rest.subarray(start.length);
    }
    for (const { frame } of this.#cutter.cut(rest)) this.#frame(frame);
  }

  /** After an orderly end: nothing is cut off, and nothing is owed. */
  finish(): void {
    this.#require(this.#cutter.rest.length === 0, "whole frames");
    this.#require(this.#block === undefined, "whole field blocks");
    if (this.isClosed) return;
    this.#require(this.#settings.length === 0, "every SETTINGS acknowledged");
    this.#require(this.#pings.length === 0, "every PING answered");
  }

  #frame(frame: RawFrame): void {
    const { type, flags, streamId, payload } = frame;
    this.#require(!this.isClosed, `nothing after GOAWAY with an error, not type ${type}`);
    this.#require(payload.length <= this.#frameBytesMax, `${payload.length} bytes in a frame`);
    this.#require(streamId <= WINDOW_MAX, "the reserved bit unset");
    this.#require((flags & ~(FLAGS[type] ?? 0)) === 0, `no flags ${flags} on type ${type}`);
    this.#require(this.#hasSettings || (type === Type.settings && flags === 0), "SETTINGS first");
    this.#hasSettings = true;
    const isWithin = type === Type.continuation && streamId === this.#block?.streamId;
    this.#require(isWithin === (this.#block !== undefined), "field blocks without gaps");
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    switch (type) {
      case Type.data:
        return this.#data(frame);
      case Type.headers:
        this.#block = { streamId, flags, fragments: [] };
        return this.#fragment(frame);
      case Type.continuation:
        return this.#fragment(frame);
      case Type.rstStream:
        return this.#reset(streamId);
      case Type.settings:
        return flags === ACK ? this.#ack(payload.length) : undefined;
      case Type.ping:
        if (flags !== ACK) return undefined;
        return this.#require(this.#pings.shift() === payload.join(), "answers to PINGs in order");
      case Type.goaway:
        this.#require(view.getUint32(0) <= this.#named, "no later stream in a later GOAWAY");
        this.#named = view.getUint32(0);
        if (view.getUint32(4) !== 0) this.isClosed = true;
        return undefined;
      case Type.windowUpdate:
        return this.#windowUpdate(streamId, view.getUint32(0));
      default:
        return this.#require(false, `no frame of type ${type}`);
    }
  }

  #data({ flags, streamId, payload }: RawFrame): void {
    const stream = this.#sending(streamId, "DATA");
    this.#require(stream.hasHead, "HEADERS before DATA");
    stream.credit -= payload.length;
    this.#credit -= payload.length;
    this.sentBytes += payload.length;
    const isWithin = payload.length === 0 || (stream.credit >= 0 && this.#credit >= 0);
    this.#require(isWithin, `DATA within windows: ${stream.credit}, ${this.#credit}`);
    if (flags & END_STREAM) stream.isEnded = true;
  }

  #fragment({ flags, streamId, payload }: RawFrame): void {
    const block = this.#block;
    if (block === undefined) return;
    block.fragments.push(...payload);
    if ((flags & END_HEADERS) === 0) return;
    this.#block = undefined;
    if (this.#role === "client" && streamId > this.#highestOpened) {
      this.#require(streamId % 2 === 1, "odd numbers for a client's streams");
      this.#highestOpened = streamId;
      this.#account(streamId);
    }
    const stream = this.#sending(streamId, "HEADERS");
    const { fields } = this.#decoder.decode(Uint8Array.from(block.fragments));
    const endStream = (block.flags & END_STREAM) !== 0;
    const first = fields[0]?.name ?? "";
    const isHead = first.startsWith(":");
    this.#require(isHead === !stream.hasHead, `a head first, then no other: ${first}`);
    this.#require(isHead || endStream, "trailers that end the stream");
    for (const { name } of fields)
      this.#require(name === name.toLowerCase(), "names in lower case");
    stream.hasHead = true;
    if (endStream) stream.isEnded = true;
  }

  #reset(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#require(false, `no RST_STREAM of the idle ${streamId}`);
    this.#require(!stream.isReset, `one RST_STREAM of ${streamId}`);
    if (this.#isInStep) this.#require(!stream.isGone, `no RST_STREAM for RST_STREAM: ${streamId}`);
    stream.isReset = true;
  }

  #windowUpdate(streamId: number, increment: number): void {
    this.#require(increment > 0 && increment <= WINDOW_MAX, `an increment of ${increment}`);
    if (streamId === 0) {
      this.grantedBytes += increment;
      return this.#require(this.grantedBytes <= this.receivedBytes, "no more given back than came");
    }
    const stream = this.#account(streamId);
    stream.granted += increment;
    this.#require(!stream.isReset, "no WINDOW_UPDATE after RST_STREAM");
    this.#require(stream.granted <= stream.received, "no more given back to a stream than came");
  }

  #expectAck(view: DataView): void {
    const list: (readonly [number, number])[] = [];
    for (let i = 0; i + 6 <= view.byteLength; i += 6) {
      list.push([view.getUint16(i), view.getUint32(i + 2)]);
    }
    this.#settings.push(list);
  }

  /** From here on the peer's oldest settings hold. */
  #ack(length: number): void {
    const list = this.#settings.shift();
    this.#require(length === 0 && list !== undefined, "acknowledgements of SETTINGS that came");
    for (const [id, value] of list ?? []) {
      if (id === 1) this.#decoder.limitTable(value);
      if (id === 5) this.#frameBytesMax = value;
      if (id !== 4) continue;
      for (const stream of this.#streams.values()) stream.credit += value - this.#initialCredit;
      this.#initialCredit = value;
    }
  }

  #sending(streamId: number, what: string): StreamAccount {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) throw new Error(`${what} on the idle stream ${streamId}`);
    this.#require(!stream.isEnded, `no ${what} after END_STREAM of ${streamId}`);
    this.#require(!stream.isReset, `no ${what} after RST_STREAM of ${streamId}`);
    if (this.#isInStep) this.#require(!stream.isGone, `no ${what} after the peer's RST_STREAM`);
    return stream;
  }

  #account(streamId: number): StreamAccount {
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      const flags = { hasHead: false, isEnded: false, isReset: false, isGone: false };
      stream = { credit: this.#initialCredit, ...flags, received: 0, granted: 0 };
      this.#streams.set(streamId, stream);
    }
    return stream;
  }

  #require(condition: boolean, rule: string): void {
    if (!condition) throw new Error(`The ${this.#role} broke a rule: expected ${rule}`);
  }
}
