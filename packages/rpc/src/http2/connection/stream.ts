/**
 * One open stream as the connection keeps it. Idle and closed streams have no such record: those
 * above the highest number seen are idle, the others without a record are closed (RFC 9113 §5.1).
 * With server push unused, a stream is thus open or half-closed on one side:
 *
 *          request, END_STREAM unset          request with END_STREAM
 *                     |                                  |
 *                    open ------- END_STREAM -----> half-closed (remote)
 *                     |                                  |
 *          our END_STREAM and RST_STREAM          our END_STREAM
 *                     |                                  |
 *                     +------------> closed <------------+
 *
 * An answer that ends before its request does resets the stream with NO_ERROR (§8.1), so that a
 * half-closed (local) stream does not stay.
 */
import type { HeaderField } from "../hpack/header-field.js";
import { ReceiveWindow } from "./receive-window.js";

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
  /** The peer has sent END_STREAM. */
  isRemoteEnded: boolean;
  /** What the peer lets us send; may be negative (RFC 9113 §6.9.2). */
  sendWindow: number;
  readonly receiveWindow: ReceiveWindow;
  /** Delivered, but not yet consumed. */
  unconsumedBytes = 0;
  /** What the request's content-length still lacks, where it has one. */
  contentBytesLeft: number | undefined;
  /** The answer's headers have been written. */
  hasAnswer = false;
  /** Data that waits for a window or for the socket, in order. */
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
      isRemoteEnded,
    }: {
      readonly sendWindow: number;
      readonly receiveWindow: number;
      readonly isRemoteEnded: boolean;
    },
  ) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = new ReceiveWindow(receiveWindow);
    this.isRemoteEnded = isRemoteEnded;
  }
}
