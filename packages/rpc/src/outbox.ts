/**
 * The responses of a handler that sends when something happens rather than when it is asked: a
 * watch, keepalives. It is returned in the place of an async generator, and is one to whoever only
 * iterates it; a transport that knows it attaches itself, and gets what is sent at once, several
 * messages in one go, without a promise for each.
 *
 *     handler ──send──▶ outbox ──port.send──▶ transport          while the transport keeps up
 *                          └── waits here ──resume──▶ transport  while it does not
 *
 * The outbox takes whatever it is given: a handler that may be faster than its client looks at
 * `isBlocked` and `waitingBytes`, and stops by itself.
 *
 * O1 messages leave in the order in which they were sent, and an end or a failure behind them.
 * O2 `onClosed` is called once, however the call ends; nothing is sent after it.
 */
import { EncodedMessage } from "./message/encoded-message.js";
import { RpcError, StatusCode } from "./status.js";

/** Where a transport takes responses. */
export interface OutboxPort {
  /** Sends all of them, in order. False: the outbox is to wait for `resume`. */
  send(messages: readonly unknown[]): boolean;
  end(): void;
  fail(error: unknown): void;
}

/** Sees how the call ends before the client does. */
export interface OutboxObserver {
  ended(): void;
  /** Returns the error that the client is told. */
  failed(error: unknown): unknown;
}

export interface OutboxListeners {
  /** The transport takes messages again, and none waits here any more. */
  onRoom?(): void;
  /** The call is over, for whatever reason. */
  onClosed?(): void;
}

/** Messages that a transport which keeps up is given as they come; more are given in portions. */
const DIRECT_MESSAGES_MAX = 16;
/**
 * Bytes of one portion: a transport has a copy of its own of what it was given and could not send
 * yet, whereas here all streams that get the same share one.
 */
const PORTION_BYTES = 64 * 1024;
/** What a message costs here besides its bytes, and what one counts that is not encoded yet. */
const MESSAGE_OVERHEAD_BYTES = 128;

export class Outbox<T> implements AsyncIterable<T | EncodedMessage> {
  readonly #listeners: OutboxListeners;
  #observer: OutboxObserver | undefined;
  #port: OutboxPort | undefined;
  #waiting: unknown[] = [];
  /** Position of the first that was not handed over. */
  #head = 0;
  #waitingBytes = 0;
  #isBlocked = true;
  #ending: { readonly error: unknown } | "ended" | undefined;
  #isClosed = false;

  constructor(listeners: OutboxListeners = {}) {
    this.#listeners = listeners;
  }

  /** The transport does not keep up, or is not there yet: what is sent now waits here. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get waitingCount(): number {
    return this.#waiting.length - this.#head;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  // ── For the handler ──────────────────────────────────────────────────────────────────────────

  /** All of them in one go. The list is not kept; the messages must not change any more. */
  send(messages: readonly (T | EncodedMessage)[]): void {
    if (this.#isClosed || this.#ending !== undefined || messages.length === 0) return;
    if (this.#port && !this.#isBlocked && messages.length <= DIRECT_MESSAGES_MAX) {
      if (!this.#port.send(messages)) this.#isBlocked = true;
      return;
    }
    for (const message of messages) {
      this.#waiting.push(message);
      this.#waitingBytes += bytesOf(message);
    }
    this.#handOver();
  }

  /** Ends the call with ok, after what waits. */
  end(): void {
    this.#finish("ended");
  }

  /** Ends the call with `error`, after what waits. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** Ends the call with `error` at once: what waits is not sent. */
  abandon(error: unknown): void {
    this.#forgetWaiting();
    this.#isBlocked = false;
    this.fail(error);
  }

  /** By whoever stands between handler and transport; at most one. */
  observe(observer: OutboxObserver): void {
    this.#observer = observer;
  }

  // ── For the transport ────────────────────────────────────────────────────────────────────────

  /** Once. What was sent before is handed over at once. */
  attach(port: OutboxPort): void {
    this.#port = port;
    this.resume();
  }

  /** The port takes messages again. */
  resume(): void {
    if (!this.#port || this.#isClosed) return;
    this.#isBlocked = false;
    this.#handOver();
    if (this.#isBlocked) return;
    if (this.#ending === undefined) this.#listeners.onRoom?.();
    else this.#settle();
  }

  /** The call is over by other than the handler's doing. */
  close(error: unknown): void {
    if (this.#isClosed) return;
    this.#observer?.failed(error);
    this.#over();
  }

  [Symbol.asyncIterator](): AsyncIterator<T | EncodedMessage> {
    return new OutboxIterator<T>(this);
  }

  /** In portions, as long as the port takes them. */
  #handOver(): void {
    while (this.#port && !this.#isBlocked && this.#head < this.#waiting.length) {
      const begin = this.#head;
      let bytes = 0;
      while (this.#head < this.#waiting.length && bytes < PORTION_BYTES) {
        bytes += bytesOf(this.#waiting[this.#head++]);
      }
      const isWhole = begin === 0 && this.#head === this.#waiting.length;
      const portion = isWhole ? this.#waiting : this.#waiting.slice(begin, this.#head);
      this.#waitingBytes -= bytes;
      if (this.#head === this.#waiting.length) this.#forgetWaiting();
      else if (this.#head > this.#waiting.length / 2) this.#dropHead();
      if (!this.#port.send(portion)) this.#isBlocked = true;
    }
  }

  #dropHead(): void {
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  #forgetWaiting(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#waitingBytes = 0;
  }

  #finish(ending: { readonly error: unknown } | "ended"): void {
    if (this.#isClosed || this.#ending !== undefined) return;
    this.#ending = ending;
    if (!this.#isBlocked) this.#settle();
  }

  #settle(): void {
    const ending = this.#ending;
    const port = this.#port;
    if (!port || this.#isClosed || ending === undefined) return;
    this.#over();
    if (ending === "ended") {
      this.#observer?.ended();
      port.end();
    } else {
      port.fail(this.#observer ? this.#observer.failed(ending.error) : ending.error);
    }
  }

  #over(): void {
    this.#isClosed = true;
    this.#forgetWaiting();
    this.#listeners.onClosed?.();
  }
}

/** One message for each `next`; the outbox is blocked while any waits that was not asked for. */
class OutboxIterator<T> implements AsyncIterator<T | EncodedMessage>, OutboxPort {
  readonly #outbox: Outbox<T>;
  #messages: (T | EncodedMessage)[] = [];
  #position = 0;
  #ending: { readonly error: unknown } | "ended" | undefined;
  #asked: PromiseWithResolvers<IteratorResult<T | EncodedMessage>> | undefined;

  constructor(outbox: Outbox<T>) {
    this.#outbox = outbox;
    outbox.attach(this);
  }

  next(): Promise<IteratorResult<T | EncodedMessage>> {
    if (this.#position === this.#messages.length && this.#messages.length > 0) {
      this.#messages = [];
      this.#position = 0;
      this.#outbox.resume();
    }
    const asked = withResolvers<IteratorResult<T | EncodedMessage>>();
    this.#asked = asked;
    this.#answer();
    return asked.promise;
  }

  return(): Promise<IteratorResult<T | EncodedMessage>> {
    this.#outbox.close(new RpcError(StatusCode.cancelled, "the client cancelled the call"));
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  send(messages: readonly unknown[]): boolean {
    // The outbox has nothing but what its `send` was given.
    this.#messages.push(...(messages as readonly (T | EncodedMessage)[]));
    this.#answer();
    return false;
  }

  end(): void {
    this.#ending ??= "ended";
    this.#answer();
  }

  fail(error: unknown): void {
    this.#ending ??= { error };
    this.#answer();
  }

  #answer(): void {
    const asked = this.#asked;
    if (!asked) return;
    if (this.#position < this.#messages.length) {
      this.#asked = undefined;
      // In range, by the comparison.
      const value = this.#messages[this.#position++] as T | EncodedMessage;
      asked.resolve({ done: false, value });
    } else if (this.#ending !== undefined) {
      this.#asked = undefined;
      if (this.#ending === "ended") asked.resolve({ done: true, value: undefined });
      else asked.reject(this.#ending.error);
    }
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function bytesOf(message: unknown): number {
  return MESSAGE_OVERHEAD_BYTES + (message instanceof EncodedMessage ? message.byteLength : 0);
}
