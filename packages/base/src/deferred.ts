/**
 * A value that comes later, for one consumer, told at once: no microtask lies between `resolve` and
 * what it causes, and there is one object where a promise and its reactions would be four. For the
 * calls of a hot path, of which thousands wait; everyone else `await`s it like a promise.
 *
 * Invariant: settled once, consumed once. A rejection that nobody consumes is silent, so whoever
 * makes one hands it on.
 */
import { assert } from "./assert.js";

export interface Consumer<T> {
  resolved(value: T): void;
  rejected(error: unknown): void;
}

/** Sees how a deferred ends before its consumer does; `context` is whatever `tap` was given. */
export interface Tap {
  resolved(context: number): void;
  /** Returns the error that the consumer is told. */
  rejected(error: unknown, context: number): unknown;
}

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

export class Deferred<T> implements PromiseLike<T> {
  #state: typeof PENDING | typeof RESOLVED | typeof REJECTED = PENDING;
  #outcome: unknown;
  #consumer: Consumer<T> | undefined;
  #tap: Tap | undefined;
  #context = 0;

  get isSettled(): boolean {
    return this.#state !== PENDING;
  }

  /** No effect once settled. */
  resolve(value: T): void {
    if (this.#state !== PENDING) return;
    this.#state = RESOLVED;
    this.#outcome = value;
    this.#tap?.resolved(this.#context);
    this.#consumer?.resolved(value);
  }

  /** No effect once settled. */
  reject(error: unknown): void {
    if (this.#state !== PENDING) return;
    this.#state = REJECTED;
    this.#outcome = this.#tap ? this.#tap.rejected(error, this.#context) : error;
    this.#consumer?.rejected(this.#outcome);
  }

  /** Before it is consumed; at most one. */
  tap(tap: Tap, context: number): void {
    assert(this.#tap === undefined, "a deferred is tapped twice");
    if (this.#state === RESOLVED) tap.resolved(context);
    else if (this.#state === REJECTED) this.#outcome = tap.rejected(this.#outcome, context);
    this.#tap = tap;
    this.#context = context;
  }

  consume(consumer: Consumer<T>): void {
    assert(this.#consumer === undefined, "a deferred is consumed twice");
    this.#consumer = consumer;
    if (this.#state === RESOLVED) consumer.resolved(this.#outcome as T); // By the state.
    else if (this.#state === REJECTED) consumer.rejected(this.#outcome);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- It is one: `await` is how others wait for it.
  then<A = T, B = never>(
    onResolved?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const promise = new Promise<T>((resolve, reject) => {
      this.consume({ resolved: resolve, rejected: reject });
    });
    return promise.then(onResolved, onRejected);
  }
}
