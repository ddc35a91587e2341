/**
 * One connection's socket, driving a `ClientConnection` and the calls on it. All that is to be sent
 * at the end of a turn, its promises included, leaves in one write; while the socket is behind,
 * nothing more is framed. What comes is always read: servers stop reading while their output waits,
 * and were we to do the same, both could wait for each other. The process is kept alive by calls
 * that are open, and by nothing else.
 *
 *     connecting ──SETTINGS──▶ ready ──GOAWAY──▶ draining ──▶ closed
 */
import type { Socket } from "node:net";
import { type Clock, errorText, type Timer } from "@sagong/base";
import type { Patience } from "../../channel-options.js";
import { RpcError, StatusCode } from "../../status.js";
import { ClientConnection } from "../connection/client-connection.js";
import type { ClientEvent } from "../connection/connection-event.js";
import { type ConnectionLimits, DEFAULT_LIMITS } from "../connection/limits.js";
import { StreamMap } from "../connection/stream-map.js";
import { ErrorCode } from "../frames/error-code.js";
import type { HeaderField } from "../hpack/header-field.js";
import type { ClientCall } from "./client-call.js";

/** Until a connection that was closed is cut: the server may not read what is left. */
const CLOSE_TIMEOUT_MS = 1_000;
const KEEPALIVE_PING: Uint8Array = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);

/** A client's own requests decide how many streams there are, and how much of each is read. */
const CLIENT_LIMITS: ConnectionLimits = DEFAULT_LIMITS;

/** The channel that the connection is for. */
export interface SocketOwner {
  /** Calls may be started, where `canOpen`. */
  onOpenable(socket: ClientSocket): void;
  /** No more calls may be started; those that are open go on. */
  onDraining(socket: ClientSocket): void;
  /** The connection is gone, and its calls have ended. */
  onClosed(socket: ClientSocket): void;
}

export class ClientSocket {
  readonly #socket: Socket;
  readonly #owner: SocketOwner;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #connection: ClientConnection;
  readonly #calls = new StreamMap<ClientCall>();
  readonly #flush = (): void => {
    this.#isAwake = false;
    this.#write();
  };
  #isAwake = false;
  #isConnected = false;
  #isReady = false;
  #wasUsed = false;
  #closeReason: string | undefined;
  #timer: Timer | undefined;
  #lastReadMs = 0;
  #isPinged = false;

  /** `socket` is connecting; `connected` is the event that says that it has. */
  constructor(
    socket: Socket,
    {
      owner,
      clock,
      patience,
    }: { readonly owner: SocketOwner; readonly clock: Clock; readonly patience: Patience },
  ) {
    this.#socket = socket;
    this.#owner = owner;
    this.#clock = clock;
    this.#patience = patience;
    this.#connection = new ClientConnection(CLIENT_LIMITS, { clock });
    const { connectMs } = patience;
    this.#timer = clock.schedule(connectMs, () =>
      this.#destroy(`no answer within ${connectMs} ms`),
    );
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#write());
    socket.on("error", (error) => {
      this.#closeReason ??= reasonOf(error);
    });
    socket.on("close", () => this.#onClose());
  }

  /** Calls may be started now. */
  get canOpen(): boolean {
    return this.#isReady && this.#connection.canOpen;
  }

  /** A call has been started on it. */
  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  /** Why the connection is gone. */
  get closeReason(): string {
    return this.#closeReason ?? "the server closed the connection";
  }

  /** The socket is connected: HTTP/2 begins. */
  connected(): void {
    this.#isConnected = true;
    this.wake();
  }

  /** The socket does not lead to what it should. */
  refuse(reason: string): void {
    this.#destroy(reason);
  }

  /** Opens a stream, where `canOpen`. */
  open(
    call: ClientCall,
    fields: readonly HeaderField[],
    ownFields: readonly HeaderField[] | undefined,
  ): number {
    this.#wasUsed = true;
    const streamId = this.#connection.request(fields, { endStream: false, ownFields });
    if (this.#calls.size === 0) this.#socket.ref();
    this.#calls.set(streamId, call);
    if (this.#timer === undefined) this.#watch();
    this.wake();
    return streamId;
  }

  /** False where the caller should wait for `onWritable`. */
  send(streamId: number, parts: readonly Uint8Array[]): boolean {
    let takesMore = true;
    for (const part of parts) takesMore = this.#connection.send(streamId, part);
    this.wake();
    return takesMore;
  }

  sendAndEnd(streamId: number, parts: readonly Uint8Array[]): void {
    const last = parts.length - 1;
    for (let i = 0; i < last; i++) this.#connection.send(streamId, parts[i] as Uint8Array); // In range.
    this.#connection.sendAndEnd(streamId, parts[last] as Uint8Array); // Of at least one, the prefix.
    this.wake();
  }

  end(streamId: number): void {
    this.#connection.end(streamId);
    this.wake();
  }

  consume(streamId: number, bytes: number): void {
    this.#connection.consume(streamId, bytes);
    if (this.#connection.hasOutput) this.wake();
  }

  /** The call is over; its stream is cancelled where it is not. */
  release(streamId: number): void {
    if (!this.#calls.delete(streamId)) return;
    if (this.#calls.size === 0) this.#socket.unref();
    if (!this.#connection.isOpen(streamId)) return;
    this.#connection.reset(streamId, ErrorCode.cancel);
    this.wake();
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    process.nextTick(this.#flush);
  }

  /** Ends all calls with `error`, and the connection. Resolves when it is closed. */
  close(error: RpcError): Promise<void> {
    this.#endCalls(error);
    if (this.#socket.closed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => void this.#socket.once("close", () => resolve()));
    this.#closeReason ??= error.message;
    if (!this.#isConnected) {
      this.#socket.destroy();
      return closed;
    }
    this.#socket.ref();
    this.#setTimer(CLOSE_TIMEOUT_MS, () => this.#socket.destroy());
    this.#connection.close(ErrorCode.noError, "");
    this.wake();
    return closed;
  }

  #read(chunk: Uint8Array): void {
    this.#lastReadMs = this.#clock.monotonicMs();
    this.#connection.receive(chunk);
    this.#handleEvents();
    // After the promises of this turn: what their callers ask for next leaves in the same write.
    if (this.#connection.hasOutput) queueMicrotask(() => this.wake());
  }

  #handleEvents(): void {
    for (let events = this.#connection.takeEvents(); events.length > 0;) {
      for (const event of events) this.#handle(event);
      events = this.#connection.takeEvents();
    }
  }

  #handle(event: ClientEvent): void {
    switch (event.kind) {
      case "response":
        return this.#calls.get(event.streamId)?.onResponse(event.fields, event.endStream);
      case "data": {
        const call = this.#calls.get(event.streamId);
        if (event.data.length > 0) call?.onData(event.data);
        if (event.endStream) call?.onEnd();
        return undefined;
      }
      case "trailers":
        return this.#calls.get(event.streamId)?.onTrailers(event.fields);
      case "reset":
        return this.#calls.get(event.streamId)?.onReset(event.errorCode);
      case "unprocessed": {
        const call = this.#calls.get(event.streamId);
        this.release(event.streamId);
        return call?.onUnprocessed(event.message);
      }
      case "writable":
        return this.#calls.get(event.streamId)?.onWritable();
      case "pong":
        this.#isPinged = false;
        return undefined;
      case "settings":
        return this.#onSettings();
      case "openable":
        return this.#owner.onOpenable(this);
      case "draining":
        return this.#owner.onDraining(this);
      case "closed":
        if (event.message !== "") this.#closeReason ??= event.message;
        this.#endCalls(this.#lost());
        return this.wake();
    }
  }

  #onSettings(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#setTimer(undefined);
    this.#socket.unref();
    this.#owner.onOpenable(this);
  }

  #write(): void {
    const socket = this.#socket;
    if (!this.#isConnected) return;
    while (this.#connection.hasOutput && !socket.writableNeedDrain && socket.writable) {
      const parts = this.#connection.takeOutput();
      if (parts.length > 1) socket.cork();
      for (const part of parts) socket.write(part);
      if (parts.length > 1) socket.uncork();
      this.#handleEvents();
    }
    if (this.#connection.isClosed && !this.#connection.hasOutput && socket.writable) {
      this.#setTimer(CLOSE_TIMEOUT_MS, () => socket.destroy());
      socket.end(() => socket.destroy());
    }
  }

  #onClose(): void {
    this.#setTimer(undefined);
    this.#connection.close(ErrorCode.noError, "");
    this.#endCalls(this.#lost());
    this.#owner.onClosed(this);
  }

  #lost(): RpcError {
    return new RpcError(StatusCode.unavailable, `The connection was lost: ${this.closeReason}`);
  }

  #endCalls(error: RpcError): void {
    const calls = this.#calls.values();
    this.#calls.clear();
    for (const call of calls) call.onLost(error);
  }

  /** While calls are open, a server that is silent for long is asked for a sign of life. */
  #watch(): void {
    const { silenceMs, answerMs } = this.#patience;
    const silentMs = this.#clock.monotonicMs() - this.#lastReadMs;
    this.#setTimer(Math.max(silenceMs - silentMs, 0), () => {
      this.#timer = undefined;
      if (this.#calls.size === 0) return;
      if (this.#clock.monotonicMs() - this.#lastReadMs < silenceMs) return this.#watch();
      this.#isPinged = true;
      this.#connection.ping(KEEPALIVE_PING);
      this.wake();
      this.#setTimer(answerMs, () => {
        this.#timer = undefined;
        if (this.#isPinged) this.#destroy(`no answer to a PING within ${answerMs} ms`);
        else if (this.#calls.size > 0) this.#watch();
      });
    });
  }

  #setTimer(delayMs: number | undefined, callback: () => void = () => {}): void {
    this.#timer?.cancel();
    this.#timer = delayMs === undefined ? undefined : this.#clock.schedule(delayMs, callback);
  }

  #destroy(reason: string): void {
    this.#closeReason ??= reason;
    this.#socket.destroy();
  }
}

/** A name with several addresses fails with an error for each, and no text of its own. */
function reasonOf(error: Error): string {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.map((one) => errorText(one)).join("; ");
}
