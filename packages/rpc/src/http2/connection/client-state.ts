/**
 * The state of a client's side: streams that we open, as many as the server allows, and what it
 * says of them (RFC 9113 §5.1.1, §5.1.2, §6.8, §8.1, §8.7).
 */
import { assert } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import { type Setting, SettingId, STREAM_ID_MAX } from "../frames/frame.js";
import type { HeaderField } from "../hpack/header-field.js";
import type { HeaderList } from "../hpack/hpack-decoder.js";
import type { ClientEvent, ConnectionEvent } from "./connection-event.js";
import { ConnectionState } from "./connection-state.js";
import { checkResponseFields, type ResponseCheck } from "./message-fields.js";
import type { Stream } from "./stream.js";

const NO_BYTES: Uint8Array = new Uint8Array(0);

export class ClientState extends ConnectionState<ClientEvent> {
  readonly #checks = new WeakMap<readonly HeaderField[], ResponseCheck>();
  #nextStreamId = 1;
  /** The server's SETTINGS_MAX_CONCURRENT_STREAMS; without limit until it sets one (§6.5.2). */
  #peerStreamsMax: number = Number.POSITIVE_INFINITY;
  #isWaitedFor = false;

  /** A server opens streams by pushing, which we forbid. */
  get lastPeerStreamId(): number {
    return 0;
  }

  /** Whether a stream may be opened now. Where not, the event `openable` says when to ask again. */
  get canOpen(): boolean {
    if (this.phase !== "open") return false;
    if (this.streams.size < this.#peerStreamsMax) return true;
    this.#isWaitedFor = true;
    return false;
  }

  isIdle(streamId: number): boolean {
    return streamId >= this.#nextStreamId || streamId % 2 === 0;
  }

  tell(event: ConnectionEvent): void {
    this.emit(event);
  }

  open(): Stream {
    assert(this.canOpen, "a stream is opened beyond what the server allows");
    const stream = this.addStream(this.#nextStreamId, { hasRemoteHead: false });
    this.#nextStreamId += 2;
    if (this.#nextStreamId > STREAM_ID_MAX) this.drain(); // §5.1.1: numbers are not used again.
    return stream;
  }

  /** No more streams; the connection closes with its last one. */
  drain(): void {
    if (this.phase !== "open") return;
    this.phase = "draining";
    this.emit({ kind: "draining" });
    // §6.8: as a sign of good will; it says that no pushed stream was processed.
    this.writer.goaway(0, ErrorCode.noError, NO_BYTES);
  }

  receiveFirstFields(streamId: number): void {
    if (this.isIdle(streamId)) {
      throw new ConnectionError(
        ErrorCode.protocolError,
        `HEADERS on the idle stream ${streamId}`, // §5.1, "idle"
      );
    }
    if (this.closedStreams.recall(streamId) === "ended") {
      throw new ConnectionError(
        ErrorCode.streamClosed,
        `HEADERS on the closed stream ${streamId}`, // §5.1, "closed"
      );
    }
    this.spend("idleFrames", "HEADERS of a closed stream");
  }

  receiveHead(stream: Stream, { fields, isTooLarge }: HeaderList, endStream: boolean): void {
    // §10.5.1 leaves it to us; gRPC makes RESOURCE_EXHAUSTED of it.
    if (isTooLarge) return this.fault(stream, ErrorCode.enhanceYourCalm);
    const { fault, status, contentLength } = this.#check(fields);
    if (fault !== undefined) return this.fault(stream, ErrorCode.protocolError);
    if (status < 200) {
      // §8.1: interim responses come before the final one, which ends the stream.
      if (endStream) return this.fault(stream, ErrorCode.protocolError);
      return this.spend("idleFrames", "interim responses");
    }
    const lacksContent = endStream && contentLength !== undefined && contentLength > 0;
    if (lacksContent) return this.fault(stream, ErrorCode.protocolError);
    stream.hasRemoteHead = true;
    stream.contentBytesLeft = contentLength;
    this.work();
    this.emit({ kind: "response", streamId: stream.id, fields, endStream });
    if (endStream) this.endRemote(stream);
  }

  receiveReset(stream: Stream, errorCode: number): void {
    const { id: streamId } = stream;
    if (errorCode === ErrorCode.refusedStream) {
      this.emit({ kind: "unprocessed", streamId, message: "the server refused the stream" });
    } else {
      this.tell({ kind: "reset", streamId, errorCode });
    }
    this.#removeOpen(stream, "ended");
  }

  /** §6.8 */
  receiveGoaway(lastStreamId: number, errorCode: number): void {
    this.spend("idleFrames", "GOAWAY");
    const message = `the server takes no more streams (GOAWAY with the error ${errorCode})`;
    this.drain();
    for (const stream of this.streams.values()) {
      if (stream.id <= lastStreamId) continue;
      this.emit({ kind: "unprocessed", streamId: stream.id, message });
      this.remove(stream, "reset");
    }
    this.closeIfDrained();
  }

  settingsApplied(): void {
    this.emit({ kind: "settings" });
    this.#tellOpenable();
  }

  receivePong(): boolean {
    return false;
  }

  endRemote(stream: Stream): void {
    stream.isRemoteEnded = true;
    if (stream.isLocalEnded) return this.#removeOpen(stream, "ended");
    // §8.1: the answer is whole, and the rest of the request is of no use.
    this.writer.rstStream(stream.id, ErrorCode.noError);
    this.#removeOpen(stream, "reset");
  }

  override reset(stream: Stream, code: ErrorCode): void {
    super.reset(stream, code);
    this.#tellOpenable();
  }

  protected endLocal(stream: Stream): void {
    stream.isLocalEnded = true;
  }

  protected applySetting({ id, value }: Setting): void {
    if (id === SettingId.maxConcurrentStreams) this.#peerStreamsMax = value;
    if (id !== SettingId.enablePush || value === 0) return;
    throw new ConnectionError(
      ErrorCode.protocolError,
      `A server sets SETTINGS_ENABLE_PUSH to ${value}, expected 0`, // §6.5.2
    );
  }

  #removeOpen(stream: Stream, how: "ended" | "reset"): void {
    this.remove(stream, how);
    this.#tellOpenable();
  }

  #tellOpenable(): void {
    if (!this.#isWaitedFor || !this.canOpen) return;
    this.#isWaitedFor = false;
    this.emit({ kind: "openable" });
  }

  /** The same list comes again where its block does: see HpackDecoder. */
  #check(fields: readonly HeaderField[]): ResponseCheck {
    const known = this.#checks.get(fields);
    if (known !== undefined) return known;
    const check = checkResponseFields(fields);
    this.#checks.set(fields, check);
    return check;
  }
}
