/**
 * The server's side of one HTTP/2 connection (RFC 9113) without any I/O: bytes that came go into
 * `receive`, bytes to send come out of `takeOutput`, and what happened out of `takeEvents`. Both
 * are to be asked after every call of any method, the events again after the output.
 *
 * It owns frames, HPACK, stream states, flow control and limits. It does not own sockets, time
 * limits, or any meaning of requests. A fault of the client is answered as the RFC says, with
 * RST_STREAM or with GOAWAY and the event `closed`; no method throws because of what came.
 */
import { assert, type Clock, encodeUtf8, equalBytes } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import {
  CLIENT_PREFACE,
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW,
  type Frame,
  SettingId,
  STREAM_ID_MAX,
} from "../frames/frame.js";
import { FrameParser } from "../frames/frame-parser.js";
import type { HeaderField } from "../hpack/header-field.js";
import { HpackError } from "../hpack/hpack-error.js";
import type { ConnectionEvent } from "./connection-event.js";
import { ConnectionState } from "./connection-state.js";
import { InboundFrames } from "./inbound-frames.js";
import type { ConnectionLimits } from "./limits.js";
import type { HeaderOptions } from "./sender.js";
import type { Stream } from "./stream.js";

/** The answer to it says that the client has seen our first GOAWAY (§6.8). */
const SHUTDOWN_PING: Uint8Array = encodeUtf8("shutdown");
const PREFACE: Uint8Array = encodeUtf8(CLIENT_PREFACE);
const NO_BYTES: Uint8Array = new Uint8Array(0);

export interface ServerConnectionDependencies {
  readonly clock: Pick<Clock, "monotonicMs">;
}

export class ServerConnection {
  readonly #state: ConnectionState;
  readonly #inbound: InboundFrames;
  readonly #parser: FrameParser = new FrameParser({ frameBytesMax: DEFAULT_FRAME_BYTES });
  readonly #onFrame = (frame: Frame): void => {
    if (!this.#state.isClosed) this.#inbound.receive(frame);
  };
  #prefaceLength = 0;

  constructor(limits: ConnectionLimits, { clock }: ServerConnectionDependencies) {
    assert(limits.connectionWindow >= DEFAULT_WINDOW, "the connection's window is too small");
    this.#state = new ConnectionState(limits, clock);
    this.#inbound = new InboundFrames(this.#state, { shutdownPing: SHUTDOWN_PING });
    const { writer } = this.#state;
    // §3.4: our preface, which need not wait for the client's.
    writer.settings([
      { id: SettingId.maxConcurrentStreams, value: limits.streamsMax },
      { id: SettingId.initialWindowSize, value: limits.streamWindow },
      { id: SettingId.maxHeaderListSize, value: limits.headerListBytesMax },
    ]);
    const more = limits.connectionWindow - DEFAULT_WINDOW;
    if (more > 0) writer.windowUpdate(0, more);
  }

  get isClosed(): boolean {
    return this.#state.isClosed;
  }

  /** False while so much waits for the socket that no more should be read from it. */
  get wantsInput(): boolean {
    return !this.isClosed && !this.#state.sender.isOutputFull;
  }

  get hasOutput(): boolean {
    return this.#state.writer.pendingBytes > 0;
  }

  get openStreams(): number {
    return this.#state.streams.size;
  }

  isOpen(streamId: number): boolean {
    return this.#state.streams.has(streamId);
  }

  /** Bytes from the socket; events hold views of them. No effect once closed. */
  receive(bytes: Uint8Array): void {
    this.#state.readClock();
    try {
      const frames = this.#prefaceLength < PREFACE.length ? this.#readPreface(bytes) : bytes;
      if (frames.length > 0 && !this.isClosed) this.#parser.parse(frames, this.#onFrame);
    } catch (error) {
      if (error instanceof ConnectionError) this.close(error.code, error.message);
      else if (error instanceof HpackError) this.close(ErrorCode.compressionError, error.message);
      else throw error;
    }
  }

  takeEvents(): readonly ConnectionEvent[] {
    return this.#state.takeEvents();
  }

  /** What is to be sent now. More may have been framed when this returns: see `hasOutput`. */
  takeOutput(): readonly Uint8Array[] {
    const output = this.#state.writer.take();
    if (!this.isClosed) this.#state.sender.pump();
    return output;
  }

  /** The head of an answer. This and the following have no effect on a stream that is gone. */
  respond(streamId: number, fields: readonly HeaderField[], options: HeaderOptions): void {
    const stream = this.#state.streams.get(streamId);
    if (stream === undefined) return;
    assert(!stream.hasAnswer, `the stream ${streamId} is answered twice`);
    this.#state.sender.headers(stream, fields, options);
  }

  /**
   * Content of an answer, which must not change any more. False where the caller should wait for
   * the event `writable` before it sends more.
   */
  send(streamId: number, data: Uint8Array): boolean {
    const stream = this.#answering(streamId);
    return stream === undefined || this.#state.sender.data(stream, data);
  }

  /** Ends an answer after its content. */
  end(streamId: number): void {
    const stream = this.#answering(streamId);
    if (stream !== undefined) this.#state.sender.end(stream, { kind: "data" });
  }

  /** Ends an answer with trailers after its content. */
  endWithTrailers(
    streamId: number,
    fields: readonly HeaderField[],
    { isShared }: { readonly isShared: boolean },
  ): void {
    const stream = this.#answering(streamId);
    if (stream !== undefined)
      this.#state.sender.end(stream, { kind: "trailers", fields, isShared });
  }

  /** Gives back `bytes` of the content that came: the client may send as much again. */
  consume(streamId: number, bytes: number): void {
    const stream = this.#state.streams.get(streamId);
    if (stream === undefined) return; // What it held was given back when it ended.
    assert(bytes <= stream.unconsumedBytes, `the stream ${streamId} has fewer bytes to consume`);
    stream.unconsumedBytes -= bytes;
    this.#state.giveBack(bytes, stream);
  }

  /** Ends a stream before its time. There is no event of it. */
  reset(streamId: number, code: ErrorCode): void {
    const stream = this.#state.streams.get(streamId);
    if (stream !== undefined) this.#state.reset(stream, code);
  }

  /** `data` has 8 bytes; the event `pong` brings them back. */
  ping(data: Uint8Array): void {
    if (!this.isClosed) this.#state.writer.ping(data, { isAck: false });
  }

  /**
   * Ends the connection once the streams that are open, or on their way, have ended (§6.8). The
   * caller limits the time.
   */
  shutdown(): void {
    if (this.#state.phase !== "open") return;
    this.#state.phase = "announced";
    this.#state.writer.goaway(STREAM_ID_MAX, ErrorCode.noError, NO_BYTES);
    this.#state.writer.ping(SHUTDOWN_PING, { isAck: false });
  }

  /** Ends the connection now (§5.4.1). */
  close(code: ErrorCode, message: string): void {
    this.#state.close(code, message);
  }

  /** Returns what follows the preface (§3.4). */
  #readPreface(bytes: Uint8Array): Uint8Array {
    const wanted = PREFACE.subarray(this.#prefaceLength, this.#prefaceLength + bytes.length);
    if (!equalBytes(wanted, bytes.subarray(0, wanted.length))) {
      throw new ConnectionError(
        ErrorCode.protocolError,
        "The connection does not begin with the preface of HTTP/2",
      );
    }
    this.#prefaceLength += wanted.length;
    return bytes.subarray(wanted.length);
  }

  #answering(streamId: number): Stream | undefined {
    const stream = this.#state.streams.get(streamId);
    if (stream === undefined) return undefined;
    assert(stream.hasAnswer, `the stream ${streamId} has content before its headers`);
    assert(stream.ending === undefined, `the stream ${streamId} has content after its end`);
    return stream;
  }
}
