/** A call with one request and one response. */
import { type Consumer, Deferred } from "@sagong/base";
import type { ServerCall } from "../handler.js";
import { RpcError, StatusCode } from "../status.js";
import { MessageReader } from "./grpc/message-reader.js";
import { type CallHost, type CallRequest, OpenCall } from "./open-call.js";

export class UnaryCall extends OpenCall implements Consumer<unknown> {
  readonly #reader: MessageReader;
  #message: Uint8Array | undefined;

  constructor(host: CallHost, request: CallRequest) {
    super(host, request);
    this.#reader = new MessageReader({ messageBytesMax: host.requestBytesMax });
  }

  override get encodedRequest(): Uint8Array | undefined {
    return this.#message;
  }

  onData(bytes: Uint8Array): void {
    try {
      for (const message of this.#reader.push(bytes)) {
        if (this.#message) throw tooMany(this.request.method.path);
        this.#message = message;
      }
      this.host.connection.consume(this.request.streamId, bytes.length);
    } catch (error) {
      this.fail(error);
    }
  }

  onEnd(): void {
    if (this.isOver) return;
    try {
      if (this.#message === undefined || this.#reader.isWithin) throw incomplete();
      // By `method.kind`; see CallRequest.
      const handler = this.request.handler as (request: unknown, call: ServerCall) => unknown;
      const result = handler(this.request.method.request.decode(this.#message), this);
      if (result instanceof Deferred) {
        if (!result.isSettled) this.watchDeadline();
        return result.consume(this);
      }
      if (!isPromise(result)) return this.resolved(result);
      this.watchDeadline();
      void result.then(
        (response) => this.resolved(response),
        (error: unknown) => this.rejected(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  onWritable(): void {}

  onShutdown(): void {}

  protected interrupted(): void {}

  /** The handler's answer. */
  resolved(response: unknown): void {
    try {
      this.sendMessage(response);
      this.succeed();
    } catch (error) {
      this.fail(error);
    }
  }

  rejected(error: unknown): void {
    this.fail(error);
  }
}

export function incomplete(): RpcError {
  return new RpcError(StatusCode.internal, "Cannot read the request: it ends within a message");
}

function tooMany(path: string): RpcError {
  return new RpcError(StatusCode.unimplemented, `Cannot call ${path}: more than one request`);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}
