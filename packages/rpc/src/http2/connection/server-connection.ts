/** The server's side of one HTTP/2 connection. What it owns, and how it is used: `Connection`. */
import { AssertionError, type Clock, encodeUtf8, equalBytes } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import { CLIENT_PREFACE, DEFAULT_WINDOW, SettingId } from "../frames/frame.js";
import type { HeaderField } from "../hpack/header-field.js";
import { Connection } from "./connection.js";
import type { ConnectionLimits } from "./limits.js";
import type { HeaderOptions } from "./sender.js";
import { ServerState } from "./server-state.js";
import type { StreamEnding } from "./stream.js";

const SHARED_HEAD: HeaderOptions = { endStream: false, isShared: true };
const PREFACE: Uint8Array = encodeUtf8(CLIENT_PREFACE);

export interface ConnectionDependencies {
  readonly clock: Pick<Clock, "monotonicMs">;
}

export class ServerConnection extends Connection<ServerState> {
  #prefaceLength = 0;

  constructor(limits: ConnectionLimits, { clock }: ConnectionDependencies) {
    super(new ServerState({ limits, clock, holdsConnectionWindow: true }));
    const { writer } = this.state;
    // §3.4: our preface, which need not wait for the client's.
    writer.settings([
      { id: SettingId.maxConcurrentStreams, value: limits.streamsMax },
      { id: SettingId.initialWindowSize, value: limits.streamWindow },
      { id: SettingId.maxHeaderListSize, value: limits.headerListBytesMax },
    ]);
    const more = limits.connectionWindow - DEFAULT_WINDOW;
    if (more > 0) writer.windowUpdate(0, more);
  }

  /** A whole answer at once. The fields never change. No effect on a stream that is gone. */
  answer(
    streamId: number,
    head: readonly HeaderField[],
    { content, ending }: { readonly content: readonly Uint8Array[]; readonly ending: StreamEnding },
  ): void {
    const stream = this.state.streams.get(streamId);
    if (stream === undefined) return;
    if (stream.hasLocalHead) throw new AssertionError(`the stream ${streamId} is answered twice`);
    const { sender } = this.state;
    sender.headers(stream, head, SHARED_HEAD);
    for (const part of content) sender.data(stream, part);
    sender.end(stream, ending);
  }

  /** The head of an answer. No effect on a stream that is gone. */
  respond(streamId: number, fields: readonly HeaderField[], options: HeaderOptions): void {
    const stream = this.state.streams.get(streamId);
    if (stream === undefined) return;
    if (stream.hasLocalHead) throw new AssertionError(`the stream ${streamId} is answered twice`);
    this.state.sender.headers(stream, fields, options);
  }

  /** Ends an answer with trailers after its content. No effect on a stream that is gone. */
  endWithTrailers(
    streamId: number,
    fields: readonly HeaderField[],
    { isShared }: { readonly isShared: boolean },
  ): void {
    const stream = this.sendingStream(streamId);
    if (stream !== undefined) this.state.sender.end(stream, { kind: "trailers", fields, isShared });
  }

  /**
   * Ends the connection once the streams that are open, or on their way, have ended (§6.8). The
   * caller limits the time.
   */
  shutdown(): void {
    this.state.shutdown();
  }

  /** §3.4 */
  protected readPreface(bytes: Uint8Array): Uint8Array {
    if (this.#prefaceLength === PREFACE.length) return bytes;
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
}
