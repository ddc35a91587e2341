/**
 * What the halves of a connection share: its streams, its windows, what waits to be sent and to be
 * told, and how streams and the connection end. `InboundFrames` changes it by what comes,
 * `ServerConnection` by what its user asks for.
 *
 * C1. `streams` holds the streams that are open or half-closed, and no other.
 * C2. Every byte of DATA is taken from the connection's window once, and given back once: when it
 *     is consumed, or when its stream ends.
 * C3. Once `phase` is `closed` it stays so, and the event `closed` is the last one.
 */
import { type Clock, encodeUtf8 } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import { FrameWriter } from "../frames/frame-writer.js";
import { Allowance } from "./allowance.js";
import { ClosedStreams } from "./closed-streams.js";
import type { ConnectionEvent } from "./connection-event.js";
import type { ConnectionLimits } from "./limits.js";
import { ReceiveWindow } from "./receive-window.js";
import { Sender } from "./sender.js";
import type { Stream } from "./stream.js";

/** `announced`: GOAWAY without a limit was sent. `draining`: the last stream is named. */
export type Phase = "open" | "announced" | "draining" | "closed";

/** Kinds of frames that are allowed in moderation; see limits.ts. */
export type Allowed = "resets" | "settings" | "idleFrames";

export class ConnectionState {
  readonly limits: ConnectionLimits;
  readonly writer: FrameWriter = new FrameWriter();
  readonly sender: Sender;
  readonly streams: Map<number, Stream> = new Map();
  readonly closedStreams: ClosedStreams = new ClosedStreams();
  readonly window: ReceiveWindow;
  phase: Phase = "open";
  /** The highest stream that the client has opened. */
  lastStreamId = 0;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #allowances: Readonly<Record<Allowed, Allowance>>;
  #events: ConnectionEvent[] = [];
  #nowMs: number;

  constructor(limits: ConnectionLimits, clock: Pick<Clock, "monotonicMs">) {
    this.limits = limits;
    this.window = new ReceiveWindow(limits.connectionWindow);
    this.#clock = clock;
    this.#nowMs = clock.monotonicMs();
    this.#allowances = {
      resets: new Allowance(limits.resets, this.#nowMs),
      settings: new Allowance(limits.settings, this.#nowMs),
      idleFrames: new Allowance(limits.idleFrames, this.#nowMs),
    };
    this.sender = new Sender(limits, {
      writer: this.writer,
      events: {
        ended: (stream) => this.#endLocal(stream),
        writable: ({ id }) => this.emit({ kind: "writable", streamId: id }),
        worked: () => this.work(),
      },
    });
  }

  get isClosed(): boolean {
    return this.phase === "closed";
  }

  emit(event: ConnectionEvent): void {
    this.#events.push(event);
  }

  takeEvents(): readonly ConnectionEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** Time goes on; it is read once for all frames of a chunk. */
  readClock(): void {
    this.#nowMs = this.#clock.monotonicMs();
  }

  /** Throws `ConnectionError` where the client has sent too many frames of a kind. */
  spend(allowed: Allowed, what: string): void {
    if (this.#allowances[allowed].spend(this.#nowMs)) return;
    throw new ConnectionError(ErrorCode.enhanceYourCalm, `Too many of: ${what}`);
  }

  /** Frames of real work earn their sender some that carry none. */
  work(): void {
    this.#allowances.idleFrames.work();
  }

  /** Ends a stream before its time, from our side. */
  reset(stream: Stream, code: ErrorCode): void {
    this.writer.rstStream(stream.id, code);
    this.remove(stream, "reset");
  }

  /** A stream is closed: by RST_STREAM of ours, or else. */
  remove(stream: Stream, how: "ended" | "reset"): void {
    this.streams.delete(stream.id);
    this.closedStreams.remember(stream.id, how);
    this.sender.forget(stream);
    if (stream.unconsumedBytes > 0) this.giveBack(stream.unconsumedBytes);
    this.closeIfDrained();
  }

  /** Consumed content widens the connection's window, and its stream's if that still receives. */
  giveBack(bytes: number, stream?: Stream): void {
    const increment = this.window.consume(bytes);
    if (increment > 0) this.writer.windowUpdate(0, increment);
    if (stream === undefined || stream.isRemoteEnded) return;
    const streamIncrement = stream.receiveWindow.consume(bytes);
    if (streamIncrement > 0) this.writer.windowUpdate(stream.id, streamIncrement);
  }

  /** Ends the connection with GOAWAY (§5.4.1). */
  close(code: ErrorCode, message: string): void {
    if (this.isClosed) return;
    this.phase = "closed";
    this.writer.goaway(this.lastStreamId, code, encodeUtf8(message));
    this.streams.clear();
    this.emit({ kind: "closed", errorCode: code, message });
  }

  /** Ends the connection where it is shutting down and its last stream has ended. */
  closeIfDrained(): void {
    if (this.phase !== "draining" || this.streams.size > 0) return;
    this.phase = "closed";
    this.emit({ kind: "closed", errorCode: ErrorCode.noError, message: "shut down" });
  }

  /** The sender has written our END_STREAM. */
  #endLocal(stream: Stream): void {
    // §8.1: the rest of the request is not needed, and the client should not send it.
    if (!stream.isRemoteEnded) this.writer.rstStream(stream.id, ErrorCode.noError);
    this.remove(stream, stream.isRemoteEnded ? "ended" : "reset");
  }
}
