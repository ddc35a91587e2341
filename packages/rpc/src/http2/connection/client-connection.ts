/** The client's side of one HTTP/2 connection. What it owns, and how it is used: `Connection`. */
import { encodeUtf8 } from "@sagong/base";
import { CLIENT_PREFACE, DEFAULT_WINDOW, SettingId } from "../frames/frame.js";
import type { HeaderField } from "../hpack/header-field.js";
import { ClientState } from "./client-state.js";
import { Connection } from "./connection.js";
import type { ConnectionLimits } from "./limits.js";
import type { ConnectionDependencies } from "./server-connection.js";

export interface RequestOptions {
  /** The request has no content. */
  readonly endStream: boolean;
  /** Fields of this request alone, after those that are shared by many. */
  readonly ownFields?: readonly HeaderField[] | undefined;
}

export class ClientConnection extends Connection<ClientState> {
  constructor(limits: ConnectionLimits, { clock }: ConnectionDependencies) {
    super(new ClientState({ limits, clock, holdsConnectionWindow: false }));
    const { writer } = this.state;
    writer.raw(encodeUtf8(CLIENT_PREFACE)); // §3.4
    writer.settings([
      { id: SettingId.enablePush, value: 0 },
      { id: SettingId.initialWindowSize, value: limits.streamWindow },
      { id: SettingId.maxHeaderListSize, value: limits.headerListBytesMax },
    ]);
    const more = limits.connectionWindow - DEFAULT_WINDOW;
    if (more > 0) writer.windowUpdate(0, more);
  }

  /**
   * Whether a request may be sent now. Where not, the event `openable` says when to ask again;
   * after `draining` it never comes.
   */
  get canOpen(): boolean {
    return this.state.canOpen;
  }

  /**
   * Opens a stream, where `canOpen`, with the head of a request, and returns its number. `fields`
   * is a list that never changes and is sent often: once known to the server it is a copy of bytes.
   */
  request(fields: readonly HeaderField[], { endStream, ownFields }: RequestOptions): number {
    const stream = this.state.open();
    this.state.sender.headers(stream, fields, { endStream, isShared: true, ownFields });
    return stream.id;
  }

  /** Ends the connection once the streams that are open have ended. The caller limits the time. */
  shutdown(): void {
    this.state.drain();
    this.state.closeIfDrained();
  }

  /** A server's preface is a frame (§3.4). */
  protected readPreface(bytes: Uint8Array): Uint8Array {
    return bytes;
  }
}
