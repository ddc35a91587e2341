/**
 * Pulls responses out of a handler's iterator, as fast as the client reads them: one pull at a
 * time, with no race against the call's end. A call that ends meanwhile stops the pump, and what the
 * iterator still gives is of no one's concern.
 */

/** Where responses go. None of its methods throws. */
export interface PumpSink {
  /** False: more is asked for after `resume`. */
  send(response: unknown): boolean;
  end(): void;
  fail(error: unknown): void;
}

export class ResponsePump {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #sink: PumpSink;
  #isStopped = false;
  #isPulling = false;
  readonly #onResult = (result: IteratorResult<unknown>): void => {
    this.#isPulling = false;
    if (this.#isStopped) return;
    if (result.done) {
      this.#isStopped = true;
      this.#sink.end();
    } else if (this.#sink.send(result.value)) {
      this.resume();
    }
  };
  readonly #onError = (error: unknown): void => {
    this.#isPulling = false;
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#sink.fail(error);
  };

  constructor(responses: AsyncIterable<unknown>, sink: PumpSink) {
    this.#iterator = responses[Symbol.asyncIterator]();
    this.#sink = sink;
  }

  /** Asks for the next response, unless one is asked for already. */
  resume(): void {
    if (this.#isStopped || this.#isPulling) return;
    this.#isPulling = true;
    try {
      this.#iterator.next().then(this.#onResult, this.#onError);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** The handler is told to clean up; it may be inside an await that ends only later. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      this.#iterator.return?.().catch(() => {}); // What it throws now is of no one's concern.
    } catch {
      // As above.
    }
  }
}
