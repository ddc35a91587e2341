/**
 * Calls with a stream of responses, which is also the iterator that the caller reads. Responses are
 * decoded when they are read. What came before the server ended the call is read before its end is
 * seen; a call that is ended from this side forgets it.
 */
import type { CallOptions, DuplexCall } from "../../channel.js";
import type { AnyMethod } from "../../message/method.js";
import { RpcError, StatusCode } from "../../status.js";
import type { HeaderField } from "../hpack/header-field.js";
import { type CallHost, ClientCall, toRpcError } from "./client-call.js";
import type { ClientSocket } from "./client-socket.js";
import { overError, RequestSender } from "./request-sender.js";
import { ResponseQueue } from "./response-queue.js";

type Result = IteratorResult<unknown, undefined>;

interface Reader {
  readonly resolve: (result: Result | Promise<Result>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: Result = { done: true, value: undefined };

abstract class ResponseStreamCall extends ClientCall implements AsyncIterableIterator<unknown> {
  readonly #queue = new ResponseQueue((bytes) => this.consumed(bytes));
  /** Readers that wait; one, where the stream is read by `for await`. */
  #readers: Reader[] = [];
  /** Set once the call is over: how, for whoever reads on. */
  #end: { readonly error: RpcError | undefined } | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const message = this.#queue.shift();
    if (message !== undefined) return this.#deliver(message);
    if (this.#end !== undefined) {
      const { error } = this.#end;
      this.#end = { error: undefined }; // An iterator that has thrown is done.
      return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => void this.#readers.push({ resolve, reject }));
  }

  /** The reader leaves: the call is cancelled. */
  return(): Promise<Result> {
    this.cancel();
    this.#end = { error: undefined };
    return Promise.resolve(DONE);
  }

  cancel(): void {
    this.interrupt(new RpcError(StatusCode.cancelled, "the call was cancelled"));
  }

  protected override interrupt(error: RpcError): void {
    this.#queue.clear();
    super.interrupt(error);
  }

  protected receive(messages: readonly Uint8Array[], bytes: number): void {
    this.#queue.push(messages, bytes);
    while (this.#readers.length > 0) {
      const message = this.#queue.shift();
      if (message === undefined) return;
      const [reader] = this.#readers.splice(0, 1);
      reader?.resolve(this.#deliver(message));
    }
  }

  protected receiveOne(message: Uint8Array, bytes: number): void {
    this.receive([message], bytes);
  }

  protected received(error: RpcError | undefined): void {
    this.finish(error);
  }

  protected ended(error: RpcError | undefined): void {
    this.#end = { error };
    const readers = this.#readers;
    this.#readers = [];
    for (const { resolve, reject } of readers) {
      if (this.#end.error === undefined) {
        resolve(DONE);
        continue;
      }
      reject(this.#end.error);
      this.#end = { error: undefined };
    }
  }

  /** A response, or the rejection of one that cannot be decoded. */
  #deliver(message: Uint8Array): Promise<Result> {
    try {
      return Promise.resolve({ done: false, value: this.method.response.decode(message) });
    } catch (error) {
      const failure = toRpcError(error);
      this.interrupt(failure);
      this.#end = { error: undefined };
      return Promise.reject(failure);
    }
  }
}

/** One request, which goes out when the responses are first asked for. */
export class ServerStreamCall extends ResponseStreamCall {
  readonly #request: unknown;
  #parts: readonly Uint8Array[] = [];
  #hasBegun = false;

  constructor(
    host: CallHost,
    method: AnyMethod,
    { request, ...options }: CallOptions & { readonly request: unknown },
  ) {
    super(host, method, options);
    this.#request = request;
  }

  override next(): Promise<Result> {
    if (!this.#hasBegun && !this.isOver) {
      this.#hasBegun = true;
      this.#begin();
    }
    return super.next();
  }

  protected get canSendAgain(): boolean {
    return true;
  }

  protected sendRequest(link: ClientSocket): void {
    link.sendAndEnd(this.streamId, this.#parts);
  }

  #begin(): void {
    try {
      this.#parts = this.encode(this.#request);
    } catch (error) {
      return this.finish(toRpcError(error));
    }
    this.begin();
  }
}

export class DuplexStreamCall extends ResponseStreamCall implements DuplexCall<unknown, unknown> {
  readonly #sender = new RequestSender();

  constructor(host: CallHost, method: AnyMethod, options: CallOptions) {
    super(host, method, options);
  }

  get responses(): AsyncIterable<unknown> {
    return this;
  }

  send(request: unknown): Promise<void> {
    try {
      return this.#sender.send(this.encode(request));
    } catch (error) {
      return Promise.reject(toRpcError(error));
    }
  }

  end(): void {
    this.#sender.end();
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

  protected override ended(error: RpcError | undefined): void {
    this.#sender.fail(error ?? overError());
    super.ended(error);
  }
}
