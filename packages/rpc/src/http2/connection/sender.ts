/**
 * The sending half: what may be framed now, and what waits. Frames go straight into the writer
 * while both windows are open and the socket keeps up; otherwise data waits in its stream's queue,
 * and streams that could send stand in line, one frame a turn. A turn costs the same however long
 * the line is: a peer may open its window byte by byte, with thousands of streams waiting.
 *
 * Field blocks are encoded at the moment they are written, so that the order of the HPACK encoder's
 * work is the order on the wire.
 *
 * S1. A stream with a queue is in line, or its own window is shut; one with only an ending waits
 *     in `#endings`, as that takes no window.
 * S2. `outputBytesMax` is exceeded by one frame at most, headers and control frames aside.
 */
import { DEFAULT_FRAME_BYTES, DEFAULT_WINDOW, WINDOW_MAX } from "../frames/frame.js";
import type { FrameWriter } from "../frames/frame-writer.js";
import type { HeaderField } from "../hpack/header-field.js";
import { HpackEncoder } from "../hpack/hpack-encoder.js";
import type { Stream } from "./stream.js";

export interface SenderLimits {
  readonly outputBytesMax: number;
  readonly queuedBytesMax: number;
}

export interface SenderEvents {
  /** The stream's last frame has been written. */
  ended(stream: Stream): void;
  writable(stream: Stream): void;
  /** A DATA frame has been written. */
  worked(): void;
}

export interface HeaderOptions {
  readonly endStream: boolean;
  /** The list never changes and is sent often: its block is kept. */
  readonly isShared?: boolean;
  /** More fields, of this section alone. */
  readonly ownFields?: readonly HeaderField[] | undefined;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** Slots of streams that have left the line, before the array is moved up: a turn's cost is even. */
const GONE_MAX = 256;

export class Sender {
  readonly #writer: FrameWriter;
  readonly #limits: SenderLimits;
  readonly #events: SenderEvents;
  readonly #encoder = new HpackEncoder();
  /** Who waits for the connection's window: from `#first` on, whose turn it is next. */
  #line: Stream[] = [];
  #first = 0;
  #endings: Stream[] = [];
  #window = DEFAULT_WINDOW;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE and SETTINGS_MAX_FRAME_SIZE. */
  #initialWindow = DEFAULT_WINDOW;
  #frameBytesMax = DEFAULT_FRAME_BYTES;

  constructor(
    limits: SenderLimits,
    { writer, events }: { readonly writer: FrameWriter; readonly events: SenderEvents },
  ) {
    this.#limits = limits;
    this.#writer = writer;
    this.#events = events;
  }

  get initialWindow(): number {
    return this.#initialWindow;
  }

  get isOutputFull(): boolean {
    return this.#writer.pendingBytes >= this.#limits.outputBytesMax;
  }

  set frameBytesMax(bytes: number) {
    this.#frameBytesMax = bytes;
  }

  limitTable(bytes: number): void {
    this.#encoder.limitTable(bytes);
  }

  /** HEADERS are not subject to flow control. */
  headers(stream: Stream, fields: readonly HeaderField[], options: HeaderOptions): void {
    const { endStream, isShared = false, ownFields } = options;
    const block = isShared
      ? this.#encoder.encodeShared(fields, ownFields)
      : this.#encoder.encode(fields);
    this.#writer.headers(stream.id, block, { endStream, frameBytesMax: this.#frameBytesMax });
    stream.hasLocalHead = true;
    if (endStream) this.#events.ended(stream);
  }

  /** False where the writer should wait for the stream's `writable` event. */
  data(stream: Stream, data: Uint8Array): boolean {
    if (this.#fitsNow(stream, data.length)) {
      this.#write(stream, data, false);
    } else if (data.length > 0) {
      stream.queue.push(data);
      stream.queuedBytes += data.length;
      if (this.#isLineEmpty && !this.isOutputFull) this.#writeOne(stream);
      this.#enter(stream);
      this.pump();
    }
    // Until `writable` is told, whoever sends on without waiting for it.
    if (stream.queuedBytes >= this.#limits.queuedBytesMax) stream.isWaitedFor = true;
    return !stream.isWaitedFor;
  }

  /** The last of a stream's data, and its end. */
  dataAndEnd(stream: Stream, data: Uint8Array): void {
    if (this.#fitsNow(stream, data.length)) return this.#write(stream, data, true);
    if (data.length === 0) return this.end(stream, { kind: "data" });
    stream.ending = { kind: "data" };
    this.data(stream, data);
  }

  /** Ends the stream, after what is queued. */
  end(stream: Stream, ending: NonNullable<Stream["ending"]>): void {
    stream.ending = ending;
    if (stream.queue.length === 0 && !this.isOutputFull) return this.#writeEnding(stream);
    this.#enter(stream);
    this.pump();
  }

  /** The stream is gone: nothing of it is sent any more. */
  forget(stream: Stream): void {
    if (stream.queue.length > 0) stream.queue.length = 0; // Most have none, and it is no field.
    stream.queuedBytes = 0;
    stream.ending = undefined;
    if (!stream.isInLine) return;
    this.#line = this.#line.filter((other, i) => i >= this.#first && other !== stream);
    this.#first = 0;
    this.#endings = this.#endings.filter((other) => other !== stream);
    stream.isInLine = false;
  }

  /** Writes what windows and socket allow, a frame of each stream in turn. */
  pump(): void {
    while (this.#endings.length > 0 && !this.isOutputFull) {
      const ending = this.#endings;
      this.#endings = [];
      for (const stream of ending) {
        stream.isInLine = false;
        if (this.isOutputFull) this.#enter(stream);
        else this.#writeEnding(stream);
      }
    }
    while (this.#window > 0 && !this.isOutputFull) {
      const stream = this.#takeFirst();
      if (stream === undefined) return;
      this.#writeOne(stream);
      if (stream.queue.length > 0 || this.isOutputFull) this.#enter(stream);
      else this.#writeEnding(stream);
    }
  }

  /** False where the connection's window would exceed its maximum (§6.9.1). */
  widen(increment: number): boolean {
    this.#window += increment;
    return this.#window <= WINDOW_MAX;
  }

  /** As `widen`, for a stream's window. */
  widenStream(stream: Stream, increment: number): boolean {
    stream.sendWindow += increment;
    this.#enter(stream);
    return stream.sendWindow <= WINDOW_MAX;
  }

  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE moves all streams' windows (§6.9.2). */
  resizeWindows(initialWindow: number, streams: Iterable<Stream>): boolean {
    const difference = initialWindow - this.#initialWindow;
    this.#initialWindow = initialWindow;
    let fits = true;
    for (const stream of streams) fits = this.widenStream(stream, difference) && fits;
    return fits;
  }

  /** Nothing waits, of this stream or another, and the windows take so much in one frame. */
  #fitsNow(stream: Stream, bytes: number): boolean {
    return (
      stream.queue.length === 0 &&
      this.#isLineEmpty &&
      bytes > 0 &&
      bytes <= stream.sendWindow &&
      bytes <= this.#window &&
      bytes <= this.#frameBytesMax &&
      !this.isOutputFull
    );
  }

  #write(stream: Stream, data: Uint8Array, endStream: boolean): void {
    this.#writer.data(stream.id, data, { endStream });
    this.#window -= data.length;
    stream.sendWindow -= data.length;
    this.#events.worked();
    if (endStream) this.#events.ended(stream);
  }

  get #isLineEmpty(): boolean {
    return this.#first === this.#line.length;
  }

  #takeFirst(): Stream | undefined {
    const stream = this.#line[this.#first];
    if (stream === undefined) return undefined;
    stream.isInLine = false;
    this.#first++;
    if (this.#isLineEmpty) this.#line.length = 0;
    else if (this.#first === GONE_MAX) this.#line = this.#line.slice(GONE_MAX);
    else return stream;
    this.#first = 0;
    return stream;
  }

  /** Puts the stream into line where it has something to send and a window for it. */
  #enter(stream: Stream): void {
    if (stream.isInLine) return;
    if (stream.queue.length > 0) {
      if (stream.sendWindow <= 0) return;
      this.#line.push(stream);
    } else {
      if (stream.ending === undefined) return;
      this.#endings.push(stream);
    }
    stream.isInLine = true;
  }

  /** Writes one frame of data, where both windows are open. */
  #writeOne(stream: Stream): void {
    const [data] = stream.queue;
    if (data === undefined) return;
    const bytes = Math.min(data.length, this.#frameBytesMax, this.#window, stream.sendWindow);
    if (bytes <= 0) return;
    const rest = data.length - bytes;
    if (rest > 0) stream.queue[0] = data.subarray(bytes);
    else stream.queue.shift();
    const endStream = stream.queue.length === 0 && stream.ending?.kind === "data";
    this.#writer.data(stream.id, rest > 0 ? data.subarray(0, bytes) : data, { endStream });
    this.#window -= bytes;
    stream.sendWindow -= bytes;
    stream.queuedBytes -= bytes;
    this.#events.worked();
    if (endStream) return this.#finish(stream);
    if (stream.isWaitedFor && stream.queuedBytes < this.#limits.queuedBytesMax / 2) {
      stream.isWaitedFor = false;
      this.#events.writable(stream);
    }
  }

  #writeEnding(stream: Stream): void {
    const { ending } = stream;
    if (ending === undefined) return;
    if (ending.kind === "trailers") {
      stream.ending = undefined;
      this.headers(stream, ending.fields, { endStream: true, isShared: ending.isShared });
      return;
    }
    // An empty frame, which needs no window (§6.9.1).
    this.#writer.data(stream.id, NO_BYTES, { endStream: true });
    this.#finish(stream);
  }

  #finish(stream: Stream): void {
    stream.ending = undefined;
    this.#events.ended(stream);
  }
}
