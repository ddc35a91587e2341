/**
 * Accepts connections, plain or TLS, and hands each over whole: HTTP/1.1 to node:http, HTTP/2 to
 * whoever serves it. Over TLS the client says by ALPN which it speaks; otherwise, and for clients
 * without ALPN, the first bytes say it, as every HTTP/2 connection begins with the same ones.
 *
 * It owns sockets until they are handed over, limits of how many and how long until then, and
 * their end when the server closes. It knows nothing of requests.
 */
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions, TLSSocket } from "node:tls";
import type { Clock } from "@sagong/base";
import type { PeerIdentity } from "../handler.js";
import type { ListenAddress, ServerTls } from "../server.js";
import { peerIdentityOf } from "./peer-identity.js";

/** What begins every HTTP/2 connection (RFC 9113 §3.4), as far as no HTTP/1.1 request does. */
const HTTP2_PREFACE = "PRI * HTTP/2";
/** A connection that has not shaken hands, or not said which protocol it speaks, is closed. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const FIRST_BYTES_TIMEOUT_MS = 30_000;
/** Open at once on one address; a socket costs some ten kilobytes. */
const CONNECTIONS_MAX = 10_000;

export interface Http2Socket {
  readonly socket: Socket;
  /** What was read already, to tell the protocol by; empty where ALPN told it. */
  readonly first: Buffer;
  readonly peerIdentity: PeerIdentity | undefined;
}

export interface ConnectionListenerOptions {
  readonly tls?: ServerTls | undefined;
  readonly http1: (request: IncomingMessage, response: ServerResponse) => void;
  readonly http2: (connection: Http2Socket) => void;
}

export class ConnectionListener {
  readonly #options: ConnectionListenerOptions;
  readonly #clock: Clock;
  readonly #http: HttpServer;
  readonly #listeners: NetServer[] = [];
  /** Also those that still shake hands: node:tls would keep a closed listener waiting for them. */
  readonly #sockets = new Set<Socket>();
  #isClosing = false;
  #onLastClose: (() => void) | undefined;

  constructor(options: ConnectionListenerOptions, { clock }: { readonly clock: Clock }) {
    this.#options = options;
    this.#clock = clock;
    this.#http = createHttpServer((request, response) => {
      if (this.#isClosing) response.setHeader("connection", "close");
      response.once("close", () => {
        if (this.#isClosing) setImmediate(() => this.#http.closeIdleConnections());
      });
      options.http1(request, response);
    });
    // It never listens itself, and keeps no time limits of requests unless it thinks that it does.
    this.#http.emit("listening");
  }

  /** May be called several times. Rejects with the system's error. */
  async listen({ host, port }: ListenAddress): Promise<ListenAddress> {
    const { tls } = this.#options;
    const listener = tls
      ? createTlsServer(tlsOptions(tls), (socket) => this.#onSecure(socket))
      : createNetServer({ noDelay: true }, (socket) => this.#onPlain(socket));
    if (tls) listener.on("connection", (socket: Socket) => this.#own(socket));
    listener.maxConnections = CONNECTIONS_MAX;
    listener.listen({ host, port });
    await once(listener, "listening");
    this.#listeners.push(listener);
    const bound = listener.address();
    return { host, port: typeof bound === "object" && bound ? bound.port : port };
  }

  /**
   * Takes no more connections, lets those that are open end by themselves for `graceMs`, and then
   * cuts them. Those of HTTP/2 are told by their owners.
   */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const closed = this.#listeners.map(async (listener) => {
      if (!listener.listening) return;
      const end = once(listener, "close");
      listener.close();
      await end;
    });
    this.#http.closeIdleConnections();
    await this.#allClosed(graceMs);
    this.#http.closeAllConnections();
    this.#http.close(() => {}); // Not listening, it says: its timer is what is to end.
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #allClosed(graceMs: number): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(graceMs, resolve);
      this.#onLastClose = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onLastClose?.();
    });
    socket.on("error", () => socket.destroy()); // A broken connection is the client's affair.
  }

  #onPlain(socket: Socket): void {
    if (this.#isClosing) return void socket.destroy();
    this.#own(socket);
    this.#sniff(socket);
  }

  #onSecure(socket: TLSSocket): void {
    if (this.#isClosing) return void socket.destroy();
    socket.on("error", () => socket.destroy()); // As above.
    if (socket.alpnProtocol === "h2") {
      // RFC 9113 §9.2.1: no renegotiation, by which clients make us work besides.
      socket.disableRenegotiation();
      this.#toHttp2(socket, Buffer.alloc(0));
    } else if (socket.alpnProtocol === "http/1.1") {
      this.#http.emit("connection", socket);
    } else {
      this.#sniff(socket);
    }
  }

  /** Reads until the bytes tell the protocol. */
  #sniff(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const timer = this.#clock.schedule(FIRST_BYTES_TIMEOUT_MS, () => socket.destroy());
    socket.once("close", () => timer.cancel());
    const read = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk !== null) seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const start = seen.subarray(0, HTTP2_PREFACE.length).toString("latin1");
      const isHttp2 = HTTP2_PREFACE.startsWith(start);
      if (isHttp2 && start.length < HTTP2_PREFACE.length) return; // Both are possible yet.
      socket.off("readable", read);
      timer.cancel();
      if (isHttp2) return this.#toHttp2(socket, seen);
      socket.unshift(seen);
      this.#http.emit("connection", socket);
    };
    socket.on("readable", read);
  }

  #toHttp2(socket: Socket, first: Buffer): void {
    const peerIdentity = socket instanceof TLSSocket ? peerIdentityOf(socket) : undefined;
    this.#options.http2({ socket, first, peerIdentity });
  }
}

function tlsOptions({ key, cert, clientCa, clientCertificate }: ServerTls): TlsOptions {
  return {
    key,
    cert,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ...(clientCa === undefined
      ? {}
      : {
          ca: clientCa,
          requestCert: true,
          rejectUnauthorized: clientCertificate !== "optional",
        }),
  };
}
