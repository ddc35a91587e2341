/**
 * One connection's socket, driving a `ServerConnection` and the streams on it. All that is to be
 * sent at the end of a turn, its promises included, leaves in one write; while the socket is behind,
 * nothing more is framed, and once enough waits, nothing more is read.
 */
import type { Socket } from "node:net";
import type { Clock } from "@sagong/base";
import type { PeerIdentity } from "../handler.js";
import type { HttpHandler } from "../http/http-exchange.js";
import type { Http2Socket } from "../listener/connection-listener.js";
import { RpcError, StatusCode } from "../status.js";
import type { Deadlines } from "./deadlines.js";
import type { ServerEvent } from "./connection/connection-event.js";
import { DEFAULT_LIMITS } from "./connection/limits.js";
import { ServerConnection } from "./connection/server-connection.js";
import { StreamMap } from "./connection/stream-map.js";
import {
  type ConnectionTimes,
  ConnectionWatch,
  type WatchedConnection,
} from "./connection-watch.js";
import { ErrorCode } from "./frames/error-code.js";
import type { NotGrpc } from "./grpc/request-head.js";
import { trailersOnly } from "./grpc/response-fields.js";
import { HttpStream } from "./http-stream.js";
import type { CallHost } from "./open-call.js";
import type { ReceiveBudget } from "./receive-budget.js";
import { type MethodEntry, RequestMeanings } from "./request-meanings.js";
import { StreamCall } from "./stream-call.js";
import type { StreamUser } from "./stream-user.js";
import { UnaryCall } from "./unary-call.js";

/** Why a server pings is of no concern to its client: the eight bytes are any. */
const KEEPALIVE_PING: Uint8Array = new Uint8Array(8);

export interface ServerSocketOptions {
  readonly methods: ReadonlyMap<string, MethodEntry>;
  /** Requests that are no gRPC; refused where left out. */
  readonly http: HttpHandler | undefined;
  readonly requestBytesMax: number;
  readonly compresses: boolean;
  readonly budget: ReceiveBudget;
  readonly times?: ConnectionTimes;
}

export interface ServerSocketDependencies {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

type RequestEvent = ServerEvent & { readonly kind: "request" };

export class ServerSocket implements CallHost, WatchedConnection {
  readonly connection: ServerConnection;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly peer: string;
  readonly peerIdentity: PeerIdentity | undefined;
  readonly requestBytesMax: number;
  readonly compresses: boolean;
  readonly budget: ReceiveBudget;
  readonly #socket: Socket;
  readonly #options: ServerSocketOptions;
  readonly #watch: ConnectionWatch;
  readonly #users = new StreamMap<StreamUser>();
  /** By stream: who waits for its answer to be sent. */
  readonly #waiting = new Map<number, () => void>();
  readonly #meanings: RequestMeanings;
  #isAwake = false;
  readonly #flush = (): void => {
    this.#isAwake = false;
    this.#write();
  };
  readonly #flushSoon = (): void => {
    process.nextTick(this.#flush);
  };

  constructor(
    { socket, peerIdentity }: Pick<Http2Socket, "socket" | "peerIdentity">,
    options: ServerSocketOptions,
    { clock, deadlines }: ServerSocketDependencies,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.clock = clock;
    this.deadlines = deadlines;
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.peerIdentity = peerIdentity;
    this.requestBytesMax = options.requestBytesMax;
    this.compresses = options.compresses;
    this.budget = options.budget;
    this.#meanings = new RequestMeanings(options.methods);
    this.connection = new ServerConnection(DEFAULT_LIMITS, { clock });
    const { times } = options;
    this.#watch = new ConnectionWatch(this, { clock, ...(times ? { times } : {}) });
  }

  /** Takes over the socket, of which `first` has been read. */
  start(first: Uint8Array): void {
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("drain", () => this.#onDrain());
    this.#socket.on("close", () => this.#onClose());
    this.#watch.start();
    if (first.length > 0) this.#read(first);
    this.wake();
  }

  /** Lets unary calls end, ends streams, takes no new ones. */
  shutdown(): void {
    this.connection.shutdown();
    for (const user of this.#users.values()) user.onShutdown();
    this.wake();
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    process.nextTick(this.#flush);
  }

  ended(streamId: number): void {
    this.#users.delete(streamId);
  }

  whenSent(streamId: number, then: () => void): void {
    this.#waiting.set(streamId, then);
  }

  // As the watch sees it

  get isSetUp(): boolean {
    return this.connection.isSettingsAcked;
  }

  ping(): void {
    this.connection.ping(KEEPALIVE_PING);
    this.wake();
  }

  refuseSetup(): void {
    this.connection.close(ErrorCode.settingsTimeout, "The client does not acknowledge SETTINGS");
    this.#handleEvents();
    this.wake();
  }

  cut(): void {
    this.#socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    // After the promises of this turn: whatever they answer leaves in the same write.
    const isFirst = !this.#isAwake;
    this.#isAwake = true;
    this.connection.receive(chunk);
    this.#handleEvents();
    this.#watch.heard(this.connection.isWithinFieldBlock);
    if (isFirst) queueMicrotask(this.#flushSoon);
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
        const user = this.#users.get(event.streamId);
        if (user === undefined) return undefined;
        if (event.data.length > 0) user.onData(event.data, event.endStream);
        if (event.endStream) user.onEnd();
        return undefined;
      }
      case "trailers":
        return this.#users.get(event.streamId)?.onEnd();
      case "reset": {
        const error = new RpcError(StatusCode.cancelled, "the client cancelled the call");
        return this.#users.get(event.streamId)?.onCancel(error);
      }
      case "writable":
        return this.#users.get(event.streamId)?.onWritable();
      case "pong":
        return undefined;
      case "closed":
        return this.wake();
    }
  }

  #onRequest(event: RequestEvent): void {
    const { streamId, fields, endStream } = event;
    // Reset already (CVE-2023-44487): nothing is begun for it.
    if (!this.connection.isOpen(streamId)) return;
    const meaning = this.#meanings.of(fields);
    if (meaning.kind === "http") return this.#onPlainRequest(event, meaning.head);
    if (meaning.kind === "refused") {
      return this.connection.respond(streamId, trailersOnly(meaning.error), { endStream: true });
    }
    if (meaning.call.method.kind === "unary") {
      const call = new UnaryCall(this, streamId, meaning.call);
      this.#users.set(streamId, call);
      if (endStream) call.onEnd();
      return;
    }
    const call = new StreamCall(this, streamId, meaning.call);
    this.#users.set(streamId, call);
    call.start();
    if (endStream) call.onEnd();
  }

  #onPlainRequest(event: RequestEvent, { httpStatus }: NotGrpc): void {
    const { http } = this.#options;
    if (http === undefined) {
      const status = [{ name: ":status", value: httpStatus }];
      return this.connection.respond(event.streamId, status, { endStream: true });
    }
    const stream = new HttpStream(this, event);
    this.#users.set(event.streamId, stream);
    if (event.endStream) stream.onEnd();
    http(stream, stream);
  }

  #write(): void {
    const { connection } = this;
    const socket = this.#socket;
    while (connection.hasOutput && !socket.writableNeedDrain && socket.writable) {
      // Before more is framed: what has ended now is in the output that is taken, or before it.
      const told = this.#waiting.size > 0 ? this.#takeEnded() : undefined;
      const parts = connection.takeOutput();
      if (parts.length > 1) socket.cork();
      let left = parts.length;
      for (const part of parts) {
        if (--left === 0 && told) socket.write(part, (error) => tell(told, error));
        else socket.write(part);
      }
      if (parts.length > 1) socket.uncork();
      this.#handleEvents();
    }
    if (connection.isClosed && !connection.hasOutput) {
      socket.end(() => socket.destroy());
    } else if (!connection.wantsInput && !socket.isPaused()) {
      socket.pause();
    }
    if (socket.writableNeedDrain || connection.isClosed) this.#watch.stalled();
  }

  /** Who waited for streams that have ended. */
  #takeEnded(): readonly (() => void)[] | undefined {
    const told: (() => void)[] = [];
    for (const [streamId, then] of this.#waiting) {
      if (this.connection.isOpen(streamId)) continue;
      this.#waiting.delete(streamId);
      told.push(then);
    }
    return told.length > 0 ? told : undefined;
  }

  #onDrain(): void {
    this.#watch.moved();
    this.#write();
    if (this.connection.wantsInput && this.#socket.isPaused()) this.#socket.resume();
  }

  #onClose(): void {
    this.#watch.stop();
    this.#waiting.clear();
    const error = new RpcError(StatusCode.cancelled, "the client closed the connection");
    for (const user of this.#users.values()) user.onCancel(error);
  }
}

/** Where the socket broke off nobody knows what it still reads. */
function tell(told: readonly (() => void)[], error: Error | null | undefined): void {
  if (error) return;
  for (const then of told) then();
}
