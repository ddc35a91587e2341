/**
 * One open stream as the connection keeps it. Idle and closed streams have no such record: those
 * that were never opened are idle, the others without a record are closed (RFC 9113 §5.1). With
 * server push unused, a stream is thus open or half-closed on one side:
 *
 *          request, END_STREAM unset          request with END_STREAM
 *                     |                                  |
 *                    open ------ request ends ---> half-closed
 *                     |                                  |
 *              answer ends                          answer ends
 *                     |                                  |
 *                     +------------> closed <------------+
 *
 * An answer that ends before its request does ends the stream with RST_STREAM NO_ERROR (§8.1), by
 * the server or else by the client, so that no stream stays half-closed the other way round.
 */
import type { HeaderField } from "../hpack/header-field.js";
import type { ReceiveWindow } from "./receive-window.js";

/** What follows a stream's queued data. */
export type StreamEnding =
  | { readonly kind: "data" }
  | {
      readonly kind: "trailers";
      readonly fields: readonly HeaderField[];
      readonly isShared: boolean;
    };

export class Stream {
  readonly id: number;
  /** The peer's header section has come, and ours has been written. */
  hasRemoteHead: boolean;
  hasLocalHead = false;
  /** The peer has sent END_STREAM; we have. */
  isRemoteEnded = false;
  isLocalEnded = false;
  /** What the peer lets us send; may be negative (RFC 9113 §6.9.2). */
  sendWindow: number;
  readonly receiveWindow: ReceiveWindow;
  /** Delivered, but not yet consumed. */
  unconsumedBytes = 0;
  /** What the content still lacks of its content-length, where it has one. */
  contentBytesLeft: number | undefined;
  /** Data that waits for a window or for the socket, in order; most streams never have any. */
  readonly queue: Uint8Array[] = [];
  queuedBytes = 0;
  /** Set once nothing more may be queued. */
  ending: StreamEnding | undefined;
  /** Invariant: true as long as the stream stands in the sender's line. */
  isInLine = false;
  /** The writer was told to wait. */
  isWaitedFor = false;

  constructor(
    id: number,
    {
      sendWindow,
      receiveWindow,
      hasRemoteHead,
    }: {
      readonly sendWindow: number;
      readonly receiveWindow: ReceiveWindow;
      readonly hasRemoteHead: boolean;
    },
  ) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.hasRemoteHead = hasRemoteHead;
  }
}
