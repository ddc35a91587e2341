/**
 * A back end's watch as batches for the wire: what is there at one time leaves in one message. One
 * pump fills a bounded buffer and waits while it is full, so that a slow client is felt by the
 * back end, which cuts off who falls too far behind.
 */
import type { RpcError } from "@sagong/rpc";
import type { WatchEvent } from "../api/resource.js";
import { ObjectEvent, ObjectEventType, WatchObjectsBatch } from "../gen/object.js";
import { toJsonBytes } from "./json-bytes.js";

/** Of one message. One object more than fits may stand in it, however large. */
const MAX_BATCH_EVENTS = 500;
const MAX_BATCH_BYTES = 1024 * 1024;

export interface WatchBatchesOptions {
  readonly signal: AbortSignal;
  /** Called once, when the back end has let go. */
  readonly onEnd: () => void;
  /** What the client is told of an error of the back end. */
  readonly refusal: (error: unknown) => RpcError;
}

/** Iterated once. `return()` ends the back end's watch at once, whatever it is waiting for. */
export class WatchBatches implements AsyncIterableIterator<WatchObjectsBatch> {
  readonly #abort: AbortController;
  readonly #options: WatchBatchesOptions;
  #events: ObjectEvent[] = [];
  #bytes = 0;
  #state: "beginning" | "following" | "ended" = "beginning";
  #hasEnded = false;
  #error: RpcError | undefined;
  #wakeReader: () => void = () => {};
  #wakePump: () => void = () => {};

  /** Begins the watch. */
  constructor(
    start: (signal: AbortSignal) => AsyncIterable<WatchEvent>,
    options: WatchBatchesOptions,
  ) {
    this.#abort = new AbortController();
    this.#options = options;
    const { signal } = options;
    const stop = (): void => this.#stop();
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    void this.#pump(start).finally(() => signal.removeEventListener("abort", stop));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchObjectsBatch>> {
    if (this.#state === "beginning") {
      this.#state = "following";
      return { done: false, value: WatchObjectsBatch.create() };
    }
    if (this.#events.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      // What comes in the same turn of the event loop goes into the same message.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (this.#state === "ended") return { done: true, value: undefined };
    if (this.#events.length > 0) return { done: false, value: this.#take() };
    this.#state = "ended";
    if (this.#error) throw this.#error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<WatchObjectsBatch>> {
    this.#state = "ended";
    this.#stop();
    return { done: true, value: undefined };
  }

  #stop(): void {
    this.#abort.abort(new Error("the watch ended"));
    this.#wakePump();
  }

  #take(): WatchObjectsBatch {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    this.#wakePump();
    return WatchObjectsBatch.create({ events });
  }

  /** Never rejects: what the back end throws is thrown to the reader, after all events. */
  async #pump(start: (signal: AbortSignal) => AsyncIterable<WatchEvent>): Promise<void> {
    const { signal } = this.#abort;
    try {
      for await (const { type, object } of start(signal)) {
        const bytes = toJsonBytes(object);
        this.#events.push(ObjectEvent.create({ type: ObjectEventType[type], object: bytes }));
        this.#bytes += bytes.length;
        this.#wakeReader();
        while (this.#isFull() && !signal.aborted) {
          await new Promise<void>((resolve) => {
            this.#wakePump = resolve;
          });
        }
        if (signal.aborted) break;
      }
    } catch (error) {
      this.#error = this.#options.refusal(error);
    } finally {
      this.#hasEnded = true;
      this.#wakeReader();
      this.#options.onEnd();
    }
  }

  #isFull(): boolean {
    return this.#events.length >= MAX_BATCH_EVENTS || this.#bytes >= MAX_BATCH_BYTES;
  }
}
