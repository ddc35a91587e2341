/**
 * Calls with one response: unary ones, and those with a stream of requests. The response is decoded
 * once the server has said that the call ended well.
 */
import { EMPTY_BYTES } from "@sagong/base";
import type { CallOptions } from "../../channel.js";
import type { AnyMethod } from "../../message/method.js";
import { RpcError, StatusCode } from "../../status.js";
import type { HeaderField } from "../hpack/header-field.js";
import { Interruption } from "../../interruption.js";
import { type CallHost, ClientCall, toRpcError } from "./client-call.js";
import type { ClientSocket } from "./client-socket.js";
import { overError, RequestSender } from "./request-sender.js";

export interface Settle {
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: RpcError) => void;
}

/** Takes one response, and settles with it. */
abstract class OneResponseCall extends ClientCall {
  #message: Uint8Array | undefined;

  protected receive(messages: readonly Uint8Array[], bytes: number): void {
    for (const message of messages) this.#take(message);
    this.consumed(bytes);
  }

  protected receiveOne(message: Uint8Array, bytes: number): void {
    this.#take(message);
    this.consumed(bytes);
  }

  protected received(error: RpcError | undefined): void {
    if (error !== undefined) return this.finish(error);
    if (this.#message === undefined) {
      return this.finish(new RpcError(StatusCode.internal, "The server sent no response"));
    }
    this.finish();
  }

  protected response(): unknown {
    return this.method.response.decode(this.#message ?? EMPTY_BYTES);
  }

  #take(message: Uint8Array): void {
    if (this.#message !== undefined) {
      throw new RpcError(StatusCode.internal, "The server sent more than one response");
    }
    this.#message = message;
  }
}

export class UnaryCall extends OneResponseCall {
  readonly #resolve: (response: unknown) => void;
  readonly #reject: (error: RpcError) => void;
  #request: readonly Uint8Array[] = [];

  constructor(host: CallHost, method: AnyMethod, options: CallOptions, settle: Settle) {
    super(host, method, options);
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
  }

  /** Begins the call. */
  call(request: unknown): void {
    try {
      this.#request = this.encode(request);
    } catch (error) {
      return this.finish(toRpcError(error));
    }
    this.begin();
  }

  protected get canSendAgain(): boolean {
    return true;
  }

  protected sendRequest(link: ClientSocket): void {
    link.sendAndEnd(this.streamId, this.#request);
  }

  protected ended(error: RpcError | undefined): void {
    if (error !== undefined) return this.#reject(error);
    try {
      this.#resolve(this.response());
    } catch (cause) {
      this.#reject(toRpcError(cause));
    }
  }
}

export class ClientStreamCall extends OneResponseCall {
  readonly #settle: Settle;
  readonly #sender = new RequestSender();
  readonly #interruption = new Interruption();

  constructor(host: CallHost, method: AnyMethod, options: CallOptions, settle: Settle) {
    super(host, method, options);
    this.#settle = settle;
  }

  /** Begins the call. */
  call(requests: AsyncIterable<unknown>): void {
    this.begin();
    if (!this.isOver) void this.#send(requests);
  }

  override onResponse(fields: readonly HeaderField[], endStream: boolean): void {
    this.#sender.keepNothing();
    super.onResponse(fields, endStream);
  }

  override onUnprocessed(message: string): void {
    this.#sender.stop();
    super.onUnprocessed(message);
  }

  override onWritable(): void {
    this.#sender.onWritable();
  }

  protected get canSendAgain(): boolean {
    return this.#sender.canSendAgain;
  }

  protected sendRequest(link: ClientSocket): void {
    this.#sender.start(link, this.streamId);
  }

  protected ended(error: RpcError | undefined): void {
    this.#interruption.interrupt(undefined);
    this.#sender.fail(error ?? overError());
    if (error !== undefined) return this.#settle.reject(error);
    try {
      this.#settle.resolve(this.response());
    } catch (cause) {
      this.#settle.reject(toRpcError(cause));
    }
  }

  /** Never rejects. */
  async #send(requests: AsyncIterable<unknown>): Promise<void> {
    let iterator: AsyncIterator<unknown> | undefined;
    try {
      iterator = requests[Symbol.asyncIterator]();
      for (;;) {
        const next = await this.#interruption.until(iterator.next());
        if (next.done) break;
        await this.#sender.send(this.encode(next.value));
      }
      this.#sender.end();
    } catch (error) {
      // Where the call is over, it is that which interrupted us.
      if (!this.isOver) this.finish(requestError(error));
      void iterator?.return?.().catch(() => {}); // What it throws now is of no one's concern.
    }
  }
}

/** What the caller's own iterable threw, or the encoding of what it gave. */
function requestError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RpcError(StatusCode.unknown, message, { cause: error });
}
