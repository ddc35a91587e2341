/**
 * What either side does about each frame that comes (RFC 9113 §5, §6, §8); where they differ, the
 * state of the side says how. A fault of one stream resets it; a fault of the connection is thrown
 * as `ConnectionError`, or as `HpackError`.
 */
import { unreachable } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import type {
  DataFrame,
  Frame,
  RstStreamFrame,
  Setting,
  StreamErrorFrame,
  WindowUpdateFrame,
} from "../frames/frame.js";
import { type HeaderList, HpackDecoder } from "../hpack/hpack-decoder.js";
import type { ClientEvent, ServerEvent } from "./connection-event.js";
import type { ConnectionState } from "./connection-state.js";
import { type FieldBlock, FieldBlockAssembler } from "./field-block.js";
import { checkTrailerFields, type MessageCheck } from "./message-fields.js";
import type { HeaderField } from "../hpack/header-field.js";
import type { Stream } from "./stream.js";

export class InboundFrames {
  readonly #state: ConnectionState<ServerEvent> | ConnectionState<ClientEvent>;
  readonly #assembler: FieldBlockAssembler;
  readonly #decoder: HpackDecoder;
  readonly #trailerChecks = new WeakMap<readonly HeaderField[], MessageCheck>();
  #hasSettings = false;

  constructor(state: ConnectionState<ServerEvent> | ConnectionState<ClientEvent>) {
    this.#state = state;
    this.#assembler = new FieldBlockAssembler(state.limits);
    this.#decoder = new HpackDecoder({ listBytesMax: state.limits.headerListBytesMax });
  }

  get isWithinFieldBlock(): boolean {
    return this.#assembler.isOpen;
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
        this.#state.isSettingsAcked = true;
        return this.#state.spend("idleFrames", frame.kind);
      case "ping":
        return this.#onPing(frame.data, frame.isAck);
      case "goaway":
        return this.#state.receiveGoaway(frame.lastStreamId, frame.errorCode);
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
    const state = this.#state;
    if (!state.window.take(flowBytes)) {
      throw new ConnectionError(ErrorCode.flowControlError, "DATA beyond the connection's window");
    }
    if (data.length === 0 && !endStream) state.spend("idleFrames", "empty DATA");
    else state.work();
    const stream = state.streams.get(streamId);
    if (stream === undefined) return this.#onDataOfNoStream(frame);
    if (!state.holdsConnectionWindow) state.widen(flowBytes);
    stream.unconsumedBytes += flowBytes;
    if (stream.isRemoteEnded) return state.fault(stream, ErrorCode.streamClosed);
    if (!stream.hasRemoteHead) return state.fault(stream, ErrorCode.protocolError); // §8.1
    if (!stream.receiveWindow.take(flowBytes)) {
      return state.fault(stream, ErrorCode.flowControlError);
    }
    if (stream.contentBytesLeft !== undefined) {
      stream.contentBytesLeft -= data.length;
      const isFault = stream.contentBytesLeft < 0 || (endStream && stream.contentBytesLeft > 0);
      if (isFault) return state.fault(stream, ErrorCode.protocolError); // §8.1.1
    }
    const padding = flowBytes - data.length;
    if (padding > 0) {
      stream.unconsumedBytes -= padding;
      state.giveBack(padding, stream);
    }
    if (data.length > 0 || endStream) state.tell({ kind: "data", streamId, data, endStream });
    if (endStream) state.endRemote(stream);
  }

  /** §5.1: counted, and then an error or nothing. */
  #onDataOfNoStream({ streamId, flowBytes }: DataFrame): void {
    this.#state.widen(flowBytes);
    if (this.#state.isIdle(streamId)) throw idleError("DATA", streamId);
    if (this.#state.closedStreams.recall(streamId) === "ended") throw closedError("DATA", streamId);
    this.#state.spend("idleFrames", "DATA of a closed stream");
  }

  /** A whole field block: always decoded, so that the tables stay alike (§4.3). */
  #onBlock(whole: FieldBlock | undefined): void {
    if (whole === undefined) return;
    const { streamId, block, endStream } = whole;
    const list = this.#decoder.decode(block);
    const stream = this.#state.streams.get(streamId);
    if (stream === undefined) return this.#state.receiveFirstFields(streamId, list, endStream);
    if (stream.hasRemoteHead) return this.#onTrailers(stream, list, endStream);
    this.#state.receiveHead(stream, list, endStream);
  }

  #onTrailers(stream: Stream, { fields, isTooLarge }: HeaderList, endStream: boolean): void {
    if (stream.isRemoteEnded) return this.#state.fault(stream, ErrorCode.streamClosed);
    const isShort = stream.contentBytesLeft !== undefined && stream.contentBytesLeft > 0;
    const { fault } = this.#checkTrailers(fields);
    // §8.1: trailers end the message.
    if (!endStream || isTooLarge || isShort || fault !== undefined) {
      return this.#state.fault(stream, ErrorCode.protocolError);
    }
    this.#state.tell({ kind: "trailers", streamId: stream.id, fields });
    this.#state.endRemote(stream);
  }

  /** The same list comes again where its block does: see HpackDecoder. */
  #checkTrailers(fields: readonly HeaderField[]): MessageCheck {
    const known = this.#trailerChecks.get(fields);
    if (known !== undefined) return known;
    const check = checkTrailerFields(fields);
    this.#trailerChecks.set(fields, check);
    return check;
  }

  /** §6.4 */
  #onReset({ streamId, errorCode }: RstStreamFrame): void {
    const stream = this.#state.streams.get(streamId);
    if (stream !== undefined) return this.#state.receiveReset(stream, errorCode);
    if (this.#state.isIdle(streamId)) throw idleError("RST_STREAM", streamId);
    this.#state.spend("idleFrames", "RST_STREAM of a closed stream");
  }

  /** §6.5 */
  #onSettings(settings: readonly Setting[]): void {
    this.#hasSettings = true;
    this.#state.spend("settings", "SETTINGS");
    for (const setting of settings) this.#state.apply(setting);
    this.#state.writer.settingsAck();
    this.#state.settingsApplied();
    this.#state.sender.pump();
  }

  /** §6.7 */
  #onPing(data: Uint8Array, isAck: boolean): void {
    this.#state.spend("idleFrames", "PING");
    if (!isAck) return this.#state.writer.ping(data, { isAck: true });
    if (!this.#state.receivePong(data)) this.#state.tell({ kind: "pong", data });
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
      if (this.#state.isIdle(streamId)) throw idleError("WINDOW_UPDATE", streamId);
      return;
    } else if (!this.#state.sender.widenStream(stream, increment)) {
      return this.#state.fault(stream, ErrorCode.flowControlError);
    }
    this.#state.sender.pump();
  }

  #onStreamError({ streamId, errorCode, message }: StreamErrorFrame): void {
    const stream = this.#state.streams.get(streamId);
    if (stream !== undefined) return this.#state.fault(stream, errorCode);
    // §6.4: RST_STREAM may not be sent for an idle stream; §5.4.1 allows the larger error.
    if (this.#state.isIdle(streamId)) throw new ConnectionError(errorCode, message);
    this.#state.spend("idleFrames", "frames of a closed stream");
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
