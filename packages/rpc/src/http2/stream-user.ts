/** Whoever answers a stream of a connection: what its events become. */
import type { Clock } from "@sagong/base";
import type { PeerIdentity } from "../handler.js";
import type { RpcError } from "../status.js";
import type { ServerConnection } from "./connection/server-connection.js";

export interface StreamUser {
  /**
   * Content of the request came: a view, to be copied where it is kept. `isLast`: `onEnd` follows
   * at once.
   */
  onData(bytes: Uint8Array, isLast: boolean): void;
  /** The request has ended. */
  onEnd(): void;
  /** The connection takes more of the answer. */
  onWritable(): void;
  /** The server stops: what may go on for ever is to end. */
  onShutdown(): void;
  /** The client, or the connection's end, has ended the stream: nothing is sent any more. */
  onCancel(error: RpcError): void;
}

/** What all streams of one connection share. */
export interface StreamHost {
  readonly connection: ServerConnection;
  readonly clock: Clock;
  readonly peer: string;
  readonly peerIdentity: PeerIdentity | undefined;
  /** Something was given to the connection to send. */
  wake(): void;
  /** The stream has ended, and its events are of no concern to its user. */
  ended(streamId: number): void;
}
