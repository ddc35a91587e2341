/** A call with one request and one response. */
import { type Consumer, Deferred } from "@sagong/base";
import type { ServerCall } from "../handler.js";
import { RpcError, StatusCode } from "../status.js";
import { onlyMessageOf } from "./grpc/message-reader.js";
import { OpenCall } from "./open-call.js";

export class UnaryCall extends OpenCall implements Consumer<unknown> {
  #message: Uint8Array | undefined;

  override get encodedRequest(): Uint8Array | undefined {
    return this.#message;
  }

  onData(bytes: Uint8Array, isLast: boolean): void {
    // Most requests are one message that comes in one piece: what follows is for the others.
    if (isLast && this.#message === undefined && !this.isWithinMessage) {
      this.#message = onlyMessageOf(bytes, this.host.requestBytesMax);
      if (this.#message !== undefined) return this.#consume(bytes);
    }
    try {
      for (const message of this.read(bytes)) {
        if (this.#message) throw tooMany(this.request.method.path);
        // It waits for the request's end, and does not keep the whole chunk so long.
        this.#message = isLast ? message : new Uint8Array(message);
      }
      this.#consume(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  onEnd(): void {
    if (this.isOver) return;
    try {
      if (this.#message === undefined || this.isWithinMessage) throw incomplete();
      // By `method.kind`; see CallRequest.
      const handler = this.request.handler as (request: unknown, call: ServerCall) => unknown;
      const result = handler(this.request.method.request.decode(this.#message), this);
      if (result instanceof Deferred) {
        if (!result.isSettled) this.watchDeadline();
        return result.consume(this);
      }
      if (!isPromise(result)) return this.answer(result);
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
      this.answer(response);
    } catch (error) {
      this.fail(error);
    }
  }

  rejected(error: unknown): void {
    this.fail(error);
  }

  #consume(bytes: Uint8Array): void {
    this.host.connection.consume(this.streamId, bytes.length);
  }
}

export function incomplete(): RpcError {
  return new RpcError(StatusCode.internal, "Cannot read the request: it ends within a message");
}

export function tooMany(path: string): RpcError {
  return new RpcError(StatusCode.unimplemented, `Cannot call ${path}: more than one request`);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}
