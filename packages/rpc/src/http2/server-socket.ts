/**
 * One connection's socket, driving a `ServerConnection` and the calls on it. All that is to be
 * sent at the end of a turn leaves in one write; while the socket is behind, nothing more is
 * framed, and once enough waits, nothing more is read.
 */
import type { Socket } from "node:net";
import type { Clock, Timer } from "@sagong/base";
import type { PeerIdentity } from "../handler.js";
import type { HttpHandler } from "../http/http-exchange.js";
import type { AnyMethod } from "../message/method.js";
import { RpcError, StatusCode } from "../status.js";
import type { ServerEvent } from "./connection/connection-event.js";
import { DEFAULT_LIMITS } from "./connection/limits.js";
import { ServerConnection } from "./connection/server-connection.js";
import { parseRequestHead } from "./grpc/request-head.js";
import { trailersOnly } from "./grpc/response-fields.js";
import { HttpStream } from "./http-stream.js";
import type { CallHost } from "./open-call.js";
import { StreamCall } from "./stream-call.js";
import type { StreamUser } from "./stream-user.js";
import { UnaryCall } from "./unary-call.js";

/** A client that takes nothing of what waits for it for so long is gone, or means harm. */
const STALLED_WRITE_MS = 60_000;

export interface MethodEntry {
  readonly method: AnyMethod;
  readonly handler: unknown;
}

export interface ServerSocketOptions {
  readonly methods: ReadonlyMap<string, MethodEntry>;
  /** Requests that are no gRPC; refused where left out. */
  readonly http: HttpHandler | undefined;
  readonly requestBytesMax: number;
  readonly peerIdentity: PeerIdentity | undefined;
}

export class ServerSocket implements CallHost {
  readonly connection: ServerConnection;
  readonly clock: Clock;
  readonly peer: string;
  readonly peerIdentity: PeerIdentity | undefined;
  readonly requestBytesMax: number;
  readonly #socket: Socket;
  readonly #methods: ReadonlyMap<string, MethodEntry>;
  readonly #http: HttpHandler | undefined;
  readonly #calls = new Map<number, StreamUser>();
  readonly #flush = (): void => {
    this.#isAwake = false;
    this.#write();
  };
  #isAwake = false;
  #stalled: Timer | undefined;

  constructor(socket: Socket, options: ServerSocketOptions, { clock }: { readonly clock: Clock }) {
    this.#socket = socket;
    this.clock = clock;
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.peerIdentity = options.peerIdentity;
    this.requestBytesMax = options.requestBytesMax;
    this.#methods = options.methods;
    this.#http = options.http;
    this.connection = new ServerConnection(DEFAULT_LIMITS, { clock });
  }

  /** Takes over the socket, of which `first` has been read. */
  start(first: Uint8Array): void {
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("drain", () => this.#onDrain());
    this.#socket.on("close", () => this.#onClose());
    this.#read(first);
  }

  /** Lets unary calls end, ends streams, takes no new ones. */
  shutdown(): void {
    this.connection.shutdown();
    for (const call of this.#calls.values()) call.onShutdown();
    this.wake();
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    // After the promises of this turn: whatever they answer leaves in the same write.
    process.nextTick(this.#flush);
  }

  ended(streamId: number): void {
    this.#calls.delete(streamId);
  }

  #read(chunk: Uint8Array): void {
    this.connection.receive(chunk);
    this.#handleEvents();
    this.wake();
  }

  #handleEvents(): void {
    for (let events = this.connection.takeEvents(); events.length > 0;) {
      for (const event of events) this.#handle(event);
      events = this.connection.takeEvents();
    }
  }

  #handle(event: ServerEvent): void {
    switch (event.kind) {
      case "request":
        return this.#onRequest(event);
      case "data": {
        const call = this.#calls.get(event.streamId);
        if (event.data.length > 0) call?.onData(event.data);
        if (event.endStream) call?.onEnd();
        return undefined;
      }
      case "trailers":
        return this.#calls.get(event.streamId)?.onEnd();
      case "reset": {
        const error = new RpcError(StatusCode.cancelled, "the client cancelled the call");
        return this.#calls.get(event.streamId)?.onCancel(error);
      }
      case "writable":
        return this.#calls.get(event.streamId)?.onWritable();
      case "pong":
        return undefined;
      case "closed":
        return this.wake();
    }
  }

  #onRequest(event: ServerEvent & { readonly kind: "request" }): void {
    const { streamId, fields, endStream } = event;
    // Reset already (CVE-2023-44487): nothing is begun for it.
    if (!this.connection.isOpen(streamId)) return;
    const head = parseRequestHead(fields);
    if ("httpStatus" in head) {
      if (this.#http !== undefined) return this.#serveHttp(this.#http, event);
      const status = [{ name: ":status", value: head.httpStatus }];
      return this.connection.respond(streamId, status, { endStream: true });
    }
    const entry = this.#methods.get(head.path);
    if (entry === undefined) {
      const text = `The server does not implement the method ${head.path}`;
      const refusal = trailersOnly(new RpcError(StatusCode.unimplemented, text));
      return this.connection.respond(streamId, refusal, { endStream: true });
    }
    const request = { streamId, head, fields, ...entry };
    if (entry.method.kind === "unary") {
      const call = new UnaryCall(this, request);
      this.#calls.set(streamId, call);
      if (endStream) call.onEnd();
      return;
    }
    const call = new StreamCall(this, request);
    this.#calls.set(streamId, call);
    call.start();
    if (endStream) call.onEnd();
  }

  #serveHttp(handler: HttpHandler, event: ServerEvent & { readonly kind: "request" }): void {
    const stream = new HttpStream(this, event);
    this.#calls.set(event.streamId, stream);
    if (event.endStream) stream.onEnd();
    handler(stream, stream);
  }

  #write(): void {
    const socket = this.#socket;
    while (this.connection.hasOutput && !socket.writableNeedDrain && socket.writable) {
      const parts = this.connection.takeOutput();
      if (parts.length > 1) socket.cork();
      for (const part of parts) socket.write(part);
      if (parts.length > 1) socket.uncork();
      this.#handleEvents();
    }
    if (this.connection.isClosed && !this.connection.hasOutput) {
      socket.end(() => socket.destroy());
    } else if (!this.connection.wantsInput && !socket.isPaused()) {
      socket.pause();
    }
    if (socket.writableNeedDrain || this.connection.isClosed) {
      this.#stalled ??= this.clock.schedule(STALLED_WRITE_MS, () => socket.destroy());
    }
  }

  #onDrain(): void {
    this.#stalled?.cancel();
    this.#stalled = undefined;
    this.#write();
    if (this.connection.wantsInput && this.#socket.isPaused()) this.#socket.resume();
  }

  #onClose(): void {
    this.#stalled?.cancel();
    const error = new RpcError(StatusCode.cancelled, "the client closed the connection");
    for (const call of this.#calls.values()) call.onCancel(error);
  }
}
