/**
 * A call with a stream of requests, of responses, or of both. Responses are pulled from the
 * handler as fast as the client reads them; requests that the handler has not read yet close the
 * stream's window once they exceed a limit.
 */
import type { ServerCall } from "../handler.js";
import { Interruption } from "../interruption.js";
import { Outbox } from "../outbox.js";
import { RpcError, StatusCode } from "../status.js";
import { MessageReader } from "./grpc/message-reader.js";
import { type CallHost, type CallRequest, OpenCall, toRpcError } from "./open-call.js";
import { incomplete } from "./unary-call.js";

/** Bytes of whole requests that may wait for the handler before the client must wait. */
const UNREAD_BYTES_MAX = 64 * 1024;

export class StreamCall extends OpenCall {
  readonly #reader: MessageReader;
  readonly #interruption = new Interruption();
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  /** Bytes to give back to the client's window once the handler has caught up. */
  #heldBytes = 0;
  #hasEnded = false;
  #failure: RpcError | undefined;
  #outbox: Outbox<unknown> | undefined;
  #readable: (() => void) | undefined;
  #writable: (() => void) | undefined;

  constructor(host: CallHost, request: CallRequest) {
    super(host, request);
    this.#reader = new MessageReader({ messageBytesMax: host.requestBytesMax });
  }

  /** To be called once, at once. */
  start(): void {
    this.watchDeadline();
    void this.#run();
  }

  onData(bytes: Uint8Array): void {
    try {
      for (const message of this.#reader.push(bytes)) {
        this.#unread.push(message);
        this.#unreadBytes += message.length;
      }
    } catch (error) {
      return this.stop(toRpcError(error));
    }
    this.#heldBytes += bytes.length;
    this.#giveBack();
    this.#readable?.();
  }

  onEnd(): void {
    if (this.#reader.isWithin) return this.stop(incomplete());
    this.#hasEnded = true;
    this.#readable?.();
  }

  onWritable(): void {
    this.#outbox?.resume();
    this.#writable?.();
  }

  onShutdown(): void {
    this.stop(new RpcError(StatusCode.unavailable, "the server is shutting down"));
  }

  protected interrupted(error: RpcError): void {
    this.#failure = error;
    this.#interruption.interrupt(error);
    this.#outbox?.close(error);
    this.#readable?.();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      switch (this.request.method.kind) {
        case "client-stream":
          return await this.#respondOnce();
        default:
          return await this.#respondMany();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  async #respondOnce(): Promise<void> {
    // By `method.kind`; see CallRequest.
    const handler = this.request.handler as (
      requests: AsyncIterable<unknown>,
      call: ServerCall,
    ) => Promise<unknown>;
    this.sendMessage(await this.#interruption.until(handler(this.#requests(), this)));
    this.succeed();
  }

  async #respondMany(): Promise<void> {
    let iterator: AsyncIterator<unknown> | undefined;
    try {
      const responses = await this.#responses();
      if (responses instanceof Outbox) return this.#attach(responses);
      iterator = responses[Symbol.asyncIterator]();
      for (;;) {
        const next = await this.#interruption.until(iterator.next());
        if (next.done) break;
        if (!this.sendMessage(next.value)) await this.#interruption.until(this.#drained());
      }
      this.succeed();
    } catch (error) {
      // The handler is told to clean up; it may be inside an await that ends only later.
      void iterator?.return?.().catch(() => {}); // What it throws now is of no one's concern.
      throw error;
    }
  }

  /** Responses that come by themselves: no promise stands between them and the connection. */
  #attach(outbox: Outbox<unknown>): void {
    if (this.#failure) return outbox.close(this.#failure);
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

  async #responses(): Promise<AsyncIterable<unknown>> {
    // By `method.kind`; see CallRequest.
    const handler = this.request.handler as (
      requests: unknown,
      call: ServerCall,
    ) => AsyncIterable<unknown>;
    if (this.request.method.kind === "duplex") return handler(this.#requests(), this);
    const first = await this.#requests().next();
    if (first.done) throw incomplete();
    return handler(first.value, this);
  }

  /** Ends when the client half-closes; throws when it, or the server, ends the call. */
  async *#requests(): AsyncGenerator<unknown> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const message = this.#unread.shift();
      if (message !== undefined) {
        this.#unreadBytes -= message.length;
        this.#giveBack();
        yield this.request.method.request.decode(message);
      } else if (this.#hasEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#readable = resolve;
        });
      }
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#writable = resolve;
    });
  }

  #giveBack(): void {
    if (this.#heldBytes === 0 || this.#unreadBytes > UNREAD_BYTES_MAX || this.isOver) return;
    this.host.connection.consume(this.request.streamId, this.#heldBytes);
    this.#heldBytes = 0;
    this.host.wake();
  }
}
