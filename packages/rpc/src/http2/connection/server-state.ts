/** The state of a server's side: streams that a client opens, and an end in good order (§6.8). */
import { encodeUtf8, equalBytes } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import { STREAM_ID_MAX } from "../frames/frame.js";
import type { HeaderField } from "../hpack/header-field.js";
import type { HeaderList } from "../hpack/hpack-decoder.js";
import type { ConnectionEvent, ServerEvent } from "./connection-event.js";
import { ConnectionState } from "./connection-state.js";
import { checkRequestFields, type MessageCheck } from "./message-fields.js";
import type { Stream } from "./stream.js";

/** RFC 6585 §5; the advice for a header list that is too large (RFC 9113 §10.5.1). */
const TOO_LARGE: readonly HeaderField[] = [{ name: ":status", value: "431" }];
/** The answer to it says that the client has seen our first GOAWAY (§6.8). */
const SHUTDOWN_PING: Uint8Array = encodeUtf8("shutdown");
const NO_BYTES: Uint8Array = new Uint8Array(0);

export class ServerState extends ConnectionState<ServerEvent> {
  readonly #checks = new WeakMap<readonly HeaderField[], MessageCheck>();
  /** The highest stream that the client has opened, and the highest that is not ignored. */
  #lastPeerStreamId = 0;
  #lastServedStreamId = 0;

  get lastPeerStreamId(): number {
    return this.#lastServedStreamId;
  }

  isIdle(streamId: number): boolean {
    // §5.1.1: those of even numbers are ours, and we open none.
    return streamId > this.#lastPeerStreamId || streamId % 2 === 0;
  }

  tell(event: ConnectionEvent): void {
    this.emit(event);
  }

  receiveFirstFields(streamId: number, list: HeaderList, endStream: boolean): void {
    if (streamId > this.#lastPeerStreamId) return this.#open(streamId, list, endStream);
    const how = this.closedStreams.recall(streamId);
    if (how === "ended") {
      throw new ConnectionError(
        ErrorCode.streamClosed,
        `HEADERS on the closed stream ${streamId}`, // §5.1, "closed"
      );
    }
    if (how === undefined) {
      throw protocolError(`HEADERS open the stream ${streamId} after ${this.#lastPeerStreamId}`); // §5.1.1
    }
    this.spend("idleFrames", "HEADERS of a closed stream");
  }

  /** A request's head has come when its stream is made. */
  receiveHead(): void {}

  receiveReset(stream: Stream, errorCode: number): void {
    this.tell({ kind: "reset", streamId: stream.id, errorCode });
    this.remove(stream, "ended");
    this.spend("resets", "RST_STREAM");
  }

  /** It speaks of streams that we would open, and we open none. */
  receiveGoaway(): void {
    this.spend("idleFrames", "GOAWAY");
  }

  settingsApplied(): void {}

  receivePong(data: Uint8Array): boolean {
    if (this.phase !== "announced" || !equalBytes(data, SHUTDOWN_PING)) return false;
    this.phase = "draining";
    this.writer.goaway(this.#lastServedStreamId, ErrorCode.noError, NO_BYTES);
    this.closeIfDrained();
    return true;
  }

  endRemote(stream: Stream): void {
    stream.isRemoteEnded = true;
  }

  /** Lets the streams that are open, or on their way, end (§6.8). */
  shutdown(): void {
    if (this.phase !== "open") return;
    this.phase = "announced";
    this.writer.goaway(STREAM_ID_MAX, ErrorCode.noError, NO_BYTES);
    this.writer.ping(SHUTDOWN_PING, { isAck: false });
  }

  protected endLocal(stream: Stream): void {
    stream.isLocalEnded = true;
    // §8.1: the rest of the request is not needed, and the client should not send it.
    if (!stream.isRemoteEnded) this.writer.rstStream(stream.id, ErrorCode.noError);
    this.remove(stream, stream.isRemoteEnded ? "ended" : "reset");
  }

  /** Those of a client that speak of pushes and of streams that we would open. */
  protected applySetting(): void {}

  #open(streamId: number, { fields, isTooLarge }: HeaderList, endStream: boolean): void {
    if (streamId % 2 === 0) throw protocolError(`A client opens the even stream ${streamId}`); // §5.1.1
    this.#lastPeerStreamId = streamId;
    this.work();
    // §6.8: what comes after the last stream that GOAWAY named is ignored.
    if (this.phase === "draining") return this.closedStreams.remember(streamId, "reset");
    this.#lastServedStreamId = streamId;
    if (this.streams.size >= this.limits.streamsMax) return this.#refuse(streamId);
    const stream = this.addStream(streamId, { hasRemoteHead: true });
    stream.isRemoteEnded = endStream;
    if (isTooLarge) return this.sender.headers(stream, TOO_LARGE, { endStream: true });
    const { fault, contentLength } = this.#check(fields);
    const lacksContent = endStream && contentLength !== undefined && contentLength > 0;
    if (fault !== undefined || lacksContent) return this.fault(stream, ErrorCode.protocolError);
    stream.contentBytesLeft = contentLength;
    this.emit({ kind: "request", streamId, fields, endStream });
  }

  /** The same list comes again where its block does: see HpackDecoder. */
  #check(fields: readonly HeaderField[]): MessageCheck {
    const known = this.#checks.get(fields);
    if (known !== undefined) return known;
    const check = checkRequestFields(fields);
    this.#checks.set(fields, check);
    return check;
  }

  /** §5.1.2: an error of the client's, unless it could not know the limit yet. */
  #refuse(streamId: number): void {
    this.writer.rstStream(streamId, ErrorCode.refusedStream);
    this.closedStreams.remember(streamId, "reset");
    if (this.isSettingsAcked) this.spend("resets", "streams beyond the limit");
  }
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, message);
}
