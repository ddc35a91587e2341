/**
 * One HTTP/2 connection (RFC 9113) without any I/O: bytes that came go into `receive`, bytes to
 * send come out of `takeOutput`, and what happened out of `takeEvents`. Both are to be asked after
 * every call of any method, the events again after the output.
 *
 * It owns frames, HPACK, stream states, flow control and limits. It does not own sockets, time
 * limits, or any meaning of messages. A fault of the peer is answered as the RFC says, with
 * RST_STREAM or with GOAWAY and the event `closed`; no method throws because of what came. How
 * streams begin is up to the side: `ServerConnection` or `ClientConnection`.
 */
import { assert, AssertionError } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import { DEFAULT_FRAME_BYTES, DEFAULT_WINDOW, type Frame } from "../frames/frame.js";
import { FrameParser } from "../frames/frame-parser.js";
import { HpackError } from "../hpack/hpack-error.js";
import type { ClientEvent, ServerEvent } from "./connection-event.js";
import type { ConnectionState } from "./connection-state.js";
import { InboundFrames } from "./inbound-frames.js";
import type { Stream } from "./stream.js";

type AnyState = ConnectionState<ServerEvent> | ConnectionState<ClientEvent>;
type EventOf<State> = State extends ConnectionState<infer Event> ? Event : never;

export abstract class Connection<State extends AnyState> {
  protected readonly state: State;
  readonly #inbound: InboundFrames;
  readonly #parser: FrameParser = new FrameParser({ frameBytesMax: DEFAULT_FRAME_BYTES });
  readonly #onFrame = (frame: Frame): void => {
    if (!this.state.isClosed) this.#inbound.receive(frame);
  };

  constructor(state: State) {
    const { connectionWindow } = state.limits;
    assert(connectionWindow >= DEFAULT_WINDOW, "the connection's window is too small");
    this.state = state;
    this.#inbound = new InboundFrames(state);
  }

  get isClosed(): boolean {
    return this.state.isClosed;
  }

  /** False while so much waits for the socket that no more should be read from it. */
  get wantsInput(): boolean {
    return !this.isClosed && !this.state.sender.isOutputFull;
  }

  get hasOutput(): boolean {
    return this.state.writer.pendingBytes > 0;
  }

  /** The peer has acknowledged our SETTINGS. */
  get isSettingsAcked(): boolean {
    return this.state.isSettingsAcked;
  }

  /** A field block has begun and not ended: no other frame may come until it does. */
  get isWithinFieldBlock(): boolean {
    return this.#inbound.isWithinFieldBlock;
  }

  get openStreams(): number {
    return this.state.streams.size;
  }

  isOpen(streamId: number): boolean {
    return this.state.streams.has(streamId);
  }

  /** Bytes from the socket; events hold views of them. No effect once closed. */
  receive(bytes: Uint8Array): void {
    this.state.readClock();
    try {
      const frames = this.readPreface(bytes);
      if (frames.length > 0 && !this.isClosed) this.#parser.parse(frames, this.#onFrame);
    } catch (error) {
      if (error instanceof ConnectionError) this.close(error.code, error.message);
      else if (error instanceof HpackError) this.close(ErrorCode.compressionError, error.message);
      else throw error;
    }
  }

  takeEvents(): readonly EventOf<State>[] {
    return this.state.takeEvents() as readonly EventOf<State>[]; // What the state is made for.
  }

  /** What is to be sent now. More may have been framed when this returns: see `hasOutput`. */
  takeOutput(): readonly Uint8Array[] {
    const output = this.state.writer.take();
    if (!this.isClosed) this.state.sender.pump();
    return output;
  }

  /**
   * Content of our message, which must not change any more. False where the caller should wait for
   * the event `writable` before it sends more. This and the following have no effect on a stream
   * that is gone.
   */
  send(streamId: number, data: Uint8Array): boolean {
    const stream = this.sendingStream(streamId);
    return stream === undefined || this.state.sender.data(stream, data);
  }

  /** Ends our message after its content. */
  end(streamId: number): void {
    const stream = this.sendingStream(streamId);
    if (stream !== undefined) this.state.sender.end(stream, { kind: "data" });
  }

  /** The last of the content, in fewer frames than `send` and `end`. */
  sendAndEnd(streamId: number, data: Uint8Array): void {
    const stream = this.sendingStream(streamId);
    if (stream !== undefined) this.state.sender.dataAndEnd(stream, data);
  }

  /** Gives back `bytes` of the content that came: the peer may send as much again. */
  consume(streamId: number, bytes: number): void {
    const stream = this.state.streams.get(streamId);
    if (stream === undefined) return; // What it held was given back when it ended.
    if (bytes > stream.unconsumedBytes) {
      throw new AssertionError(`the stream ${streamId} has fewer bytes to consume`);
    }
    stream.unconsumedBytes -= bytes;
    this.state.giveBack(bytes, stream);
  }

  /** Ends a stream before its time. There is no event of it. */
  reset(streamId: number, code: ErrorCode): void {
    const stream = this.state.streams.get(streamId);
    if (stream !== undefined) this.state.reset(stream, code);
  }

  /** `data` has 8 bytes; the event `pong` brings them back. */
  ping(data: Uint8Array): void {
    if (!this.isClosed) this.state.writer.ping(data, { isAck: false });
  }

  /** Ends the connection now (§5.4.1). */
  close(code: ErrorCode, message: string): void {
    this.state.close(code, message);
  }

  /** Returns what follows the peer's preface, as far as that is no frame. */
  protected abstract readPreface(bytes: Uint8Array): Uint8Array;

  /** The stream where our message has begun and not ended; undefined where the stream is gone. */
  protected sendingStream(streamId: number): Stream | undefined {
    const stream = this.state.streams.get(streamId);
    if (stream === undefined) return undefined;
    // No assert(): its sentence would be made for every part that is sent.
    if (!stream.hasLocalHead) {
      throw new AssertionError(`the stream ${streamId} has content before its headers`);
    }
    if (stream.ending !== undefined || stream.isLocalEnded) {
      throw new AssertionError(`the stream ${streamId} has content after its end`);
    }
    return stream;
  }
}
