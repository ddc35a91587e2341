/**
 * A call with a stream of requests, of responses, or of both. Responses are pulled from the
 * handler as fast as the client reads them, or come by themselves out of an outbox; requests that
 * the handler has not read yet close the stream's window once they exceed a limit.
 */
import type { ServerCall } from "../handler.js";
import { Outbox } from "../outbox.js";
import { RpcError, StatusCode } from "../status.js";
import { type CallHost, type CallRequest, OpenCall, toRpcError } from "./open-call.js";
import { RequestQueue } from "./request-queue.js";
import { ResponsePump } from "./response-pump.js";
import { incomplete, tooMany } from "./unary-call.js";

/** Bytes of whole requests that may wait for the handler before the client must wait. */
const UNREAD_BYTES_MAX = 64 * 1024;

type AnyHandler = (requests: unknown, call: ServerCall) => unknown;

export class StreamCall extends OpenCall {
  /** Undefined where there is one request only. */
  readonly #requests: RequestQueue<unknown> | undefined;
  /** Bytes to give back to the client's window once the handler has caught up. */
  #heldBytes = 0;
  #hasStarted = false;
  #outbox: Outbox<unknown> | undefined;
  #pump: ResponsePump | undefined;

  constructor(host: CallHost, streamId: number, request: CallRequest) {
    super(host, streamId, request);
    const { kind, request: type } = request.method;
    if (kind !== "server-stream") this.#requests = new RequestQueue(type, () => this.#giveBack());
  }

  /** To be called once, at once. */
  start(): void {
    this.watchDeadline();
    if (this.#requests === undefined) return; // With the request.
    if (this.request.method.kind === "duplex") this.#respondMany(this.#requests);
    else this.#respondOnce(this.#requests);
  }

  onData(bytes: Uint8Array): void {
    try {
      for (const message of this.read(bytes)) this.#receive(message);
    } catch (error) {
      return this.stop(toRpcError(error));
    }
    this.#heldBytes += bytes.length;
    this.#giveBack();
  }

  onEnd(): void {
    if (this.isOver) return;
    const isShort = this.isWithinMessage || (this.#requests === undefined && !this.#hasStarted);
    if (isShort) return this.stop(incomplete());
    this.#requests?.end();
  }

  onWritable(): void {
    this.#outbox?.resume();
    this.#pump?.resume();
  }

  onShutdown(): void {
    this.stop(new RpcError(StatusCode.unavailable, "the server is shutting down"));
  }

  protected interrupted(error: RpcError): void {
    this.#requests?.fail(error);
    this.#outbox?.close(error);
    this.#pump?.stop();
  }

  #receive(message: Uint8Array): void {
    if (this.#requests !== undefined) return this.#requests.push(message);
    if (this.#hasStarted) throw tooMany(this.request.method.path);
    this.#respondMany(this.request.method.request.decode(message));
  }

  /** Never throws. */
  #respondOnce(requests: unknown): void {
    const answered = (async () => (this.request.handler as AnyHandler)(requests, this))(); // By `method.kind`; see CallRequest.
    answered.then(
      (response) => {
        try {
          this.answer(response);
        } catch (error) {
          this.fail(error);
        }
      },
      (error: unknown) => this.fail(error),
    );
  }

  /** Never throws. */
  #respondMany(requests: unknown): void {
    this.#hasStarted = true;
    try {
      // By `method.kind`; see CallRequest.
      const responses = (this.request.handler as AnyHandler)(
        requests,
        this,
      ) as AsyncIterable<unknown>;
      if (responses instanceof Outbox) return this.#attach(responses);
      this.#pump = new ResponsePump(responses, {
        send: (response) => this.#sendOne(response),
        end: () => this.succeed(),
        fail: (error) => this.fail(error),
      });
      this.#pump.resume();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Responses that come by themselves: no promise stands between them and the connection. */
  #attach(outbox: Outbox<unknown>): void {
    this.#outbox = outbox;
    outbox.attach({
      send: (messages) => {
        try {
          return this.sendMessages(messages);
        } catch (error) {
          this.stop(toRpcError(error)); // One that cannot be encoded ends the call, not its sender.
          return true;
        }
      },
      end: () => this.succeed(),
      fail: (error) => this.fail(error),
    });
  }

  #sendOne(response: unknown): boolean {
    try {
      return this.sendMessage(response);
    } catch (error) {
      this.stop(toRpcError(error)); // It cannot be encoded.
      return false;
    }
  }

  #giveBack(): void {
    const unreadBytes = this.#requests?.unreadBytes ?? 0;
    if (this.#heldBytes === 0 || unreadBytes > UNREAD_BYTES_MAX || this.isOver) return;
    this.host.connection.consume(this.streamId, this.#heldBytes);
    this.#heldBytes = 0;
    this.host.wake();
  }
}
