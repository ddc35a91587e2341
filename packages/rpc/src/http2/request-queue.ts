/**
 * The requests of a stream, between the connection that brings them and the handler that reads
 * them. A request that the handler waits for is given to it at once; others wait as bytes, copied,
 * so that none keeps the chunk that it came in.
 *
 * Q1. Requests come in order, then the end or the failure, once.
 * Q2. A handler that has left gets nothing more, and what comes then is held like what is unread.
 */
import type { MessageType } from "../message/message-type.js";
import { Fifo } from "./fifo.js";

/** What a request that waits costs besides its bytes: of empty ones any number would else wait. */
const REQUEST_OVERHEAD_BYTES = 128;

interface Reader<T> {
  readonly resolve: (result: IteratorResult<T>) => void;
  readonly reject: (error: unknown) => void;
}

export class RequestQueue<T> implements AsyncIterableIterator<T> {
  readonly #type: MessageType<T>;
  readonly #onTaken: () => void;
  readonly #unread = new Fifo<Uint8Array>();
  #unreadBytes = 0;
  #readers: Reader<T>[] = [];
  #ending: { readonly error: unknown } | "ended" | undefined;
  #hasLeft = false;

  /** `onTaken`: fewer bytes are unread. */
  constructor(type: MessageType<T>, onTaken: () => void) {
    this.#type = type;
    this.#onTaken = onTaken;
  }

  /** Of requests that the handler has not read yet, and what each costs besides. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** `message` may be a view of what changes or goes away when this returns. */
  push(message: Uint8Array): void {
    if (this.#ending !== undefined) return;
    const reader = this.#unread.length === 0 ? this.#readers.shift() : undefined;
    if (reader !== undefined) return this.#give(reader, message);
    this.#unread.push(new Uint8Array(message));
    this.#unreadBytes += message.length + REQUEST_OVERHEAD_BYTES;
  }

  /** The client has sent all. */
  end(): void {
    this.#finish("ended");
  }

  /** The call is over: what is unread is dropped. */
  fail(error: unknown): void {
    this.#unread.clear();
    this.#unreadBytes = 0;
    this.#finish({ error });
  }

  next(): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      const message = this.#hasLeft ? undefined : this.#unread.shift();
      if (message !== undefined) {
        this.#unreadBytes -= message.length + REQUEST_OVERHEAD_BYTES;
        this.#give(reader, message);
        this.#onTaken();
      } else if (this.#hasLeft) {
        resolve({ done: true, value: undefined });
      } else if (this.#ending !== undefined) {
        this.#close(reader);
      } else {
        this.#readers.push(reader);
      }
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#hasLeft = true;
    const readers = this.#readers;
    this.#readers = [];
    for (const { resolve } of readers) resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(reader: Reader<T>, message: Uint8Array): void {
    try {
      reader.resolve({ done: false, value: this.#type.decode(message) });
    } catch (error) {
      this.#hasLeft = true; // As of an iterator that has thrown.
      reader.reject(error);
    }
  }

  #finish(ending: { readonly error: unknown } | "ended"): void {
    if (this.#ending !== undefined && ending === "ended") return;
    this.#ending = ending;
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) this.#close(reader);
  }

  #close({ resolve, reject }: Reader<T>): void {
    if (this.#ending === undefined || this.#ending === "ended") {
      resolve({ done: true, value: undefined });
    } else {
      reject(this.#ending.error);
    }
  }
}
