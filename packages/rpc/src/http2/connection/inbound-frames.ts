/**
 * What a server does about each frame that comes (RFC 9113 §5, §6, §8). A fault of one stream
 * resets it; a fault of the connection is thrown as `ConnectionError`, or as `HpackError`.
 */
import { equalBytes, unreachable } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import {
  type DataFrame,
  DEFAULT_WINDOW,
  type Frame,
  type RstStreamFrame,
  type Setting,
  SettingId,
  type StreamErrorFrame,
  type WindowUpdateFrame,
} from "../frames/frame.js";
import type { HeaderField } from "../hpack/header-field.js";
import { type HeaderList, HpackDecoder } from "../hpack/hpack-decoder.js";
import type { ConnectionState } from "./connection-state.js";
import { type FieldBlock, FieldBlockAssembler } from "./field-block.js";
import { checkRequestFields, checkTrailerFields, type MessageCheck } from "./message-fields.js";
import { Stream } from "./stream.js";

/** RFC 6585 §5; the advice for a header list that is too large (RFC 9113 §10.5.1). */
const TOO_LARGE: readonly HeaderField[] = [{ name: ":status", value: "431" }];

export interface InboundFramesOptions {
  /** The PING whose answer says that the client has seen our first GOAWAY. */
  readonly shutdownPing: Uint8Array;
}

export class InboundFrames {
  readonly #state: ConnectionState;
  readonly #shutdownPing: Uint8Array;
  readonly #assembler: FieldBlockAssembler;
  readonly #decoder: HpackDecoder;
  readonly #checks = new WeakMap<readonly HeaderField[], MessageCheck>();
  #hasSettings = false;
  #isSettingsAcked = false;

  constructor(state: ConnectionState, { shutdownPing }: InboundFramesOptions) {
    this.#state = state;
    this.#shutdownPing = shutdownPing;
    this.#assembler = new FieldBlockAssembler(state.limits);
    this.#decoder = new HpackDecoder({ listBytesMax: state.limits.headerListBytesMax });
  }

  /** Throws `ConnectionError` and `HpackError`: the connection must then be closed. */
  receive(frame: Frame): void {
    this.#assembler.check(frame);
    if (!this.#hasSettings && frame.kind !== "settings") {
      throw protocolError(`The preface is followed by ${frame.kind}, expected SETTINGS`); // §3.4
    }
    switch (frame.kind) {
      case "data":
        return this.#onData(frame);
      case "headers":
        return this.#onBlock(this.#assembler.begin(frame));
      case "continuation":
        return this.#onBlock(this.#assembler.continue(frame));
      case "rst-stream":
        return this.#onReset(frame);
      case "window-update":
        return this.#onWindowUpdate(frame);
      case "stream-error":
        return this.#onStreamError(frame);
      case "settings":
        return this.#onSettings(frame.settings);
      case "settings-ack":
        this.#isSettingsAcked = true;
        return this.#state.spend("idleFrames", frame.kind);
      case "ping":
        return this.#onPing(frame.data, frame.isAck);
      case "goaway": // It speaks of streams that we would open, and we open none.
      case "priority":
      case "unknown":
        return this.#state.spend("idleFrames", frame.kind);
      default:
        return unreachable(frame, "frame");
    }
  }

  /** §6.1 */
  #onData(frame: DataFrame): void {
    const { streamId, data, flowBytes, endStream } = frame;
    if (!this.#state.window.take(flowBytes)) {
      throw new ConnectionError(ErrorCode.flowControlError, "DATA beyond the connection's window");
    }
    if (data.length === 0 && !endStream) this.#state.spend("idleFrames", "empty DATA");
    else this.#state.work();
    const stream = this.#state.streams.get(streamId);
    if (stream === undefined) return this.#onDataOfNoStream(frame);
    stream.unconsumedBytes += flowBytes;
    if (stream.isRemoteEnded) return this.#fault(stream, ErrorCode.streamClosed);
    if (!stream.receiveWindow.take(flowBytes)) {
      return this.#fault(stream, ErrorCode.flowControlError);
    }
    if (stream.contentBytesLeft !== undefined) {
      stream.contentBytesLeft -= data.length;
      const isFault = stream.contentBytesLeft < 0 || (endStream && stream.contentBytesLeft > 0);
      if (isFault) return this.#fault(stream, ErrorCode.protocolError); // §8.1.1
    }
    const padding = flowBytes - data.length;
    if (padding > 0) {
      stream.unconsumedBytes -= padding;
      this.#state.giveBack(padding, stream);
    }
    if (endStream) stream.isRemoteEnded = true;
    if (data.length > 0 || endStream) {
      this.#state.emit({ kind: "data", streamId, data, endStream });
    }
  }

  /** §5.1: counted, and then an error or nothing. */
  #onDataOfNoStream({ streamId, flowBytes }: DataFrame): void {
    this.#state.giveBack(flowBytes);
    if (streamId > this.#state.lastStreamId) throw idleError("DATA", streamId);
    if (this.#state.closedStreams.recall(streamId) === "ended") throw closedError("DATA", streamId);
    this.#state.spend("idleFrames", "DATA of a closed stream");
  }

  /** A whole field block: always decoded, so that the tables stay alike (§4.3). */
  #onBlock(whole: FieldBlock | undefined): void {
    if (whole === undefined) return;
    const { streamId, block, endStream } = whole;
    const list = this.#decoder.decode(block);
    const stream = this.#state.streams.get(streamId);
    if (stream !== undefined) return this.#onTrailers(stream, list, endStream);
    if (streamId > this.#state.lastStreamId) return this.#open(streamId, list, endStream);
    const how = this.#state.closedStreams.recall(streamId);
    if (how === "ended") throw closedError("HEADERS", streamId);
    if (how === undefined) {
      throw protocolError(`HEADERS open the stream ${streamId} after ${this.#state.lastStreamId}`); // §5.1.1
    }
    this.#state.spend("idleFrames", "HEADERS of a closed stream");
  }

  #open(streamId: number, { fields, isTooLarge }: HeaderList, endStream: boolean): void {
    if (streamId % 2 === 0) throw protocolError(`A client opens the even stream ${streamId}`); // §5.1.1
    this.#state.lastStreamId = streamId;
    this.#state.work();
    // §6.8: what comes after the last stream that GOAWAY named is ignored.
    if (this.#state.phase === "draining")
      return this.#state.closedStreams.remember(streamId, "reset");
    if (this.#state.streams.size >= this.#state.limits.streamsMax) return this.#refuse(streamId);
    const { streamWindow } = this.#state.limits;
    const stream = new Stream(streamId, {
      sendWindow: this.#state.sender.initialWindow,
      // Before our SETTINGS are known, the default holds.
      receiveWindow: this.#isSettingsAcked ? streamWindow : Math.max(streamWindow, DEFAULT_WINDOW),
      isRemoteEnded: endStream,
    });
    this.#state.streams.set(streamId, stream);
    if (isTooLarge) return this.#state.sender.headers(stream, TOO_LARGE, { endStream: true });
    const { fault, contentLength } = this.#checkRequest(fields);
    const lacksContent = endStream && contentLength !== undefined && contentLength > 0;
    if (fault !== undefined || lacksContent) return this.#fault(stream, ErrorCode.protocolError);
    stream.contentBytesLeft = contentLength;
    this.#state.emit({ kind: "request", streamId, fields, endStream });
  }

  /** The same list comes again where its block does: see HpackDecoder. */
  #checkRequest(fields: readonly HeaderField[]): MessageCheck {
    const known = this.#checks.get(fields);
    if (known !== undefined) return known;
    const check = checkRequestFields(fields);
    this.#checks.set(fields, check);
    return check;
  }

  /** §5.1.2: an error of the client's, unless it could not know the limit yet. */
  #refuse(streamId: number): void {
    this.#state.writer.rstStream(streamId, ErrorCode.refusedStream);
    this.#state.closedStreams.remember(streamId, "reset");
    if (this.#isSettingsAcked) this.#state.spend("resets", "streams beyond the limit");
  }

  #onTrailers(stream: Stream, { fields, isTooLarge }: HeaderList, endStream: boolean): void {
    if (stream.isRemoteEnded) return this.#fault(stream, ErrorCode.streamClosed);
    const isShort = stream.contentBytesLeft !== undefined && stream.contentBytesLeft > 0;
    const { fault } = checkTrailerFields(fields);
    // §8.1: trailers end the message.
    if (!endStream || isTooLarge || isShort || fault !== undefined) {
      return this.#fault(stream, ErrorCode.protocolError);
    }
    stream.isRemoteEnded = true;
    this.#state.emit({ kind: "trailers", streamId: stream.id, fields });
  }

  /** §6.4 */
  #onReset({ streamId, errorCode }: RstStreamFrame): void {
    const stream = this.#state.streams.get(streamId);
    if (stream === undefined) {
      if (streamId > this.#state.lastStreamId) throw idleError("RST_STREAM", streamId);
      return this.#state.spend("idleFrames", "RST_STREAM of a closed stream");
    }
    this.#state.remove(stream, "ended");
    this.#state.emit({ kind: "reset", streamId, errorCode });
    this.#state.spend("resets", "RST_STREAM");
  }

  /** §6.5 */
  #onSettings(settings: readonly Setting[]): void {
    this.#hasSettings = true;
    this.#state.spend("settings", "SETTINGS");
    for (const { id, value } of settings) {
      if (id === SettingId.headerTableSize) this.#state.sender.limitTable(value);
      if (id === SettingId.maxFrameSize) this.#state.sender.frameBytesMax = value;
      if (id !== SettingId.initialWindowSize) continue;
      if (!this.#state.sender.resizeWindows(value, this.#state.streams.values())) {
        throw new ConnectionError(
          ErrorCode.flowControlError,
          "SETTINGS overflow a stream's window",
        );
      }
    }
    this.#state.writer.settingsAck();
    this.#state.sender.pump();
  }

  /** §6.7 */
  #onPing(data: Uint8Array, isAck: boolean): void {
    this.#state.spend("idleFrames", "PING");
    if (!isAck) return this.#state.writer.ping(data, { isAck: true });
    if (this.#state.phase !== "announced" || !equalBytes(data, this.#shutdownPing)) {
      this.#state.emit({ kind: "pong", data });
      return;
    }
    this.#state.phase = "draining";
    this.#state.writer.goaway(this.#state.lastStreamId, ErrorCode.noError, new Uint8Array(0));
    this.#state.closeIfDrained();
  }

  /** §6.9 */
  #onWindowUpdate({ streamId, increment }: WindowUpdateFrame): void {
    this.#state.spend("idleFrames", "WINDOW_UPDATE");
    const stream = this.#state.streams.get(streamId);
    if (streamId === 0) {
      if (!this.#state.sender.widen(increment)) {
        throw new ConnectionError(ErrorCode.flowControlError, "The connection's window overflows");
      }
    } else if (stream === undefined) {
      if (streamId > this.#state.lastStreamId) throw idleError("WINDOW_UPDATE", streamId);
      return;
    } else if (!this.#state.sender.widenStream(stream, increment)) {
      return this.#fault(stream, ErrorCode.flowControlError);
    }
    this.#state.sender.pump();
  }

  #onStreamError({ streamId, errorCode, message }: StreamErrorFrame): void {
    const stream = this.#state.streams.get(streamId);
    if (stream !== undefined) return this.#fault(stream, errorCode);
    // §6.4: RST_STREAM may not be sent for an idle stream; §5.4.1 allows the larger error.
    if (streamId > this.#state.lastStreamId) throw new ConnectionError(errorCode, message);
    this.#state.spend("idleFrames", "frames of a closed stream");
  }

  /** An error of one stream (§5.4.2). */
  #fault(stream: Stream, code: ErrorCode): void {
    this.#state.reset(stream, code);
    this.#state.emit({ kind: "reset", streamId: stream.id, errorCode: code });
    this.#state.spend("resets", "errors of streams");
  }
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, message);
}

/** §5.1, "idle" */
function idleError(name: string, streamId: number): ConnectionError {
  return protocolError(`${name} on the idle stream ${streamId}`);
}

/** §5.1, "closed" */
function closedError(name: string, streamId: number): ConnectionError {
  return new ConnectionError(ErrorCode.streamClosed, `${name} on the closed stream ${streamId}`);
}
