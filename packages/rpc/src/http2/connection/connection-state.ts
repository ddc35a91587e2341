/**
 * What the halves of a connection share: its streams, its windows, what waits to be sent and to be
 * told, and how streams and the connection end. `InboundFrames` changes it by what comes,
 * `Connection` by what its user asks for. What a server and a client do differently is in the two
 * classes that extend it.
 *
 * C1. `streams` holds the streams that are open or half-closed, and no other.
 * C2. Every byte of DATA is taken from the connection's window once, and given back once.
 * C3. Once `phase` is `closed` it stays so, and the event `closed` is the last one.
 */
import { type Clock, encodeUtf8 } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import { DEFAULT_WINDOW, type Setting, SettingId } from "../frames/frame.js";
import { FrameWriter } from "../frames/frame-writer.js";
import type { HeaderList } from "../hpack/hpack-decoder.js";
import { Allowance } from "./allowance.js";
import { ClosedStreams } from "./closed-streams.js";
import type { ClientEvent, ServerEvent } from "./connection-event.js";
import type { ConnectionLimits } from "./limits.js";
import { ReceiveWindow } from "./receive-window.js";
import { Sender } from "./sender.js";
import { Stream } from "./stream.js";
import { StreamMap } from "./stream-map.js";

/**
 * `announced`: GOAWAY without a limit was sent (servers only). `draining`: streams that are open go
 * on, no others will be.
 */
export type Phase = "open" | "announced" | "draining" | "closed";

/** Kinds of frames that are allowed in moderation; see limits.ts. */
export type Allowed = "resets" | "settings" | "idleFrames";

export interface ConnectionStateOptions {
  readonly limits: ConnectionLimits;
  readonly clock: Pick<Clock, "monotonicMs">;
  /**
   * Whether content counts against the connection's window until it is consumed, or only until it
   * has come. The former bounds what all streams of a peer may make us hold; the latter keeps
   * streams that nobody reads from stopping the others, and is for those whose own doing the
   * streams are.
   */
  readonly holdsConnectionWindow: boolean;
}

export abstract class ConnectionState<Event extends ServerEvent | ClientEvent> {
  readonly limits: ConnectionLimits;
  readonly writer: FrameWriter = new FrameWriter();
  readonly sender: Sender;
  readonly streams: StreamMap<Stream> = new StreamMap();
  readonly closedStreams: ClosedStreams = new ClosedStreams();
  readonly window: ReceiveWindow;
  readonly holdsConnectionWindow: boolean;
  phase: Phase = "open";
  /** The peer has acknowledged our SETTINGS. */
  isSettingsAcked = false;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #allowances: Readonly<Record<Allowed, Allowance>>;
  #events: Event[] = [];
  #nowMs: number;

  constructor({ limits, clock, holdsConnectionWindow }: ConnectionStateOptions) {
    this.limits = limits;
    this.holdsConnectionWindow = holdsConnectionWindow;
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
        ended: (stream) => this.endLocal(stream),
        writable: ({ id }) => this.tell({ kind: "writable", streamId: id }),
        worked: () => this.work(),
      },
    });
  }

  /** The highest stream of the peer's that may have been acted on, which GOAWAY names (§6.8). */
  abstract readonly lastPeerStreamId: number;
  /** The stream was never open (§5.1). */
  abstract isIdle(streamId: number): boolean;
  /** Fields came for a stream that is neither open nor half-closed. */
  abstract receiveFirstFields(streamId: number, list: HeaderList, endStream: boolean): void;
  /** Fields came for a stream whose head we wait for. */
  abstract receiveHead(stream: Stream, list: HeaderList, endStream: boolean): void;
  /** The peer sent RST_STREAM for an open stream. */
  abstract receiveReset(stream: Stream, errorCode: number): void;
  abstract receiveGoaway(lastStreamId: number, errorCode: number): void;
  /** A setting that has no meaning for both sides alike. */
  protected abstract applySetting(setting: Setting): void;
  /** A whole SETTINGS frame was applied. */
  abstract settingsApplied(): void;
  /** True where the answer to a PING was our own affair. */
  abstract receivePong(data: Uint8Array): boolean;
  /** Our END_STREAM has been written. */
  protected abstract endLocal(stream: Stream): void;
  /** The peer's END_STREAM has come. */
  abstract endRemote(stream: Stream): void;
  /** An event of both sides. */
  abstract tell(event: ServerEvent & ClientEvent): void;

  get isClosed(): boolean {
    return this.phase === "closed";
  }

  takeEvents(): readonly Event[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** Time goes on; it is read once for all frames of a chunk. */
  readClock(): void {
    this.#nowMs = this.#clock.monotonicMs();
  }

  /** Throws `ConnectionError` where the peer has sent too many frames of a kind. */
  spend(allowed: Allowed, what: string): void {
    if (this.#allowances[allowed].spend(this.#nowMs)) return;
    throw new ConnectionError(ErrorCode.enhanceYourCalm, `Too many of: ${what}`);
  }

  /** Frames of real work earn their sender some that carry none. */
  work(): void {
    this.#allowances.idleFrames.work();
  }

  /** Makes a stream; throws `ConnectionError` where the peer's SETTINGS are not kept to. */
  addStream(streamId: number, { hasRemoteHead }: { readonly hasRemoteHead: boolean }): Stream {
    const { streamWindow } = this.limits;
    const stream = new Stream(streamId, {
      sendWindow: this.sender.initialWindow,
      // Before our SETTINGS are known, the default holds.
      receiveWindow: new ReceiveWindow(
        this.isSettingsAcked ? streamWindow : Math.max(streamWindow, DEFAULT_WINDOW),
        streamWindow,
      ),
      hasRemoteHead,
    });
    this.streams.set(streamId, stream);
    return stream;
  }

  /** Settings that mean the same to both sides; the others are the sides' own. */
  apply(setting: Setting): void {
    const { id, value } = setting;
    switch (id) {
      case SettingId.headerTableSize:
        return this.sender.limitTable(value);
      case SettingId.maxFrameSize:
        this.sender.frameBytesMax = value;
        return undefined;
      case SettingId.initialWindowSize:
        // One frame has room for 2,730 of them, and each goes through every open stream.
        this.spend("settings", "SETTINGS_INITIAL_WINDOW_SIZE");
        if (this.sender.resizeWindows(value, this.streams.values())) return undefined;
        throw new ConnectionError(
          ErrorCode.flowControlError,
          "SETTINGS overflow a stream's window",
        );
      default:
        return this.applySetting(setting);
    }
  }

  /** Ends a stream before its time, from our side. */
  reset(stream: Stream, code: ErrorCode): void {
    this.writer.rstStream(stream.id, code);
    this.remove(stream, "reset");
  }

  /** An error of one stream (§5.4.2). */
  fault(stream: Stream, code: ErrorCode): void {
    this.tell({ kind: "reset", streamId: stream.id, errorCode: code });
    this.reset(stream, code);
    this.spend("resets", "errors of streams");
  }

  /** A stream is closed: by RST_STREAM of ours, or else. */
  remove(stream: Stream, how: "ended" | "reset"): void {
    this.streams.delete(stream.id);
    this.closedStreams.remember(stream.id, how);
    this.sender.forget(stream);
    if (stream.unconsumedBytes > 0 && this.holdsConnectionWindow) {
      this.widen(stream.unconsumedBytes);
    }
    this.closeIfDrained();
  }

  /** The connection's window gets back what it lent. */
  widen(bytes: number): void {
    const increment = this.window.consume(bytes);
    if (increment > 0) this.writer.windowUpdate(0, increment);
  }

  /** Consumed content widens its stream's window if that still receives, and the connection's. */
  giveBack(bytes: number, stream: Stream): void {
    if (this.holdsConnectionWindow) this.widen(bytes);
    if (stream.isRemoteEnded) return;
    const increment = stream.receiveWindow.consume(bytes);
    if (increment > 0) this.writer.windowUpdate(stream.id, increment);
  }

  /** Ends the connection with GOAWAY (§5.4.1). */
  close(code: ErrorCode, message: string): void {
    if (this.isClosed) return;
    this.writer.goaway(this.lastPeerStreamId, code, encodeUtf8(message));
    this.#finish(code, message);
  }

  /** Ends the connection where it is shutting down and its last stream has ended. */
  closeIfDrained(): void {
    if (this.phase !== "draining" || this.streams.size > 0) return;
    this.#finish(ErrorCode.noError, "shut down");
  }

  protected emit(event: Event): void {
    this.#events.push(event);
  }

  #finish(errorCode: ErrorCode, message: string): void {
    this.phase = "closed";
    this.streams.clear();
    this.tell({ kind: "closed", errorCode, message });
  }
}
