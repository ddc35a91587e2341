/**
 * What waits to be sent on one watch stream: a queue between the store, which never waits, and the
 * client, which may be slow. Events are refused when it is full (the watcher then falls behind and
 * is brought up from history later); answers to the client's own requests are always taken, and
 * held back at their source instead: the stream reads no further request while the queue is full.
 */
import type { Event } from "../gen/kv.js";
import type { WatchResponse } from "../gen/rpc.js";

/** Responses (etcd's channel size). */
const RESPONSES_MAX = 128;
/** Keys and values of the events that wait, roughly. */
const EVENT_BYTES_MAX = 16 * 1024 * 1024;

export class WatchQueue {
  readonly #onRoom: () => void;
  #responses: { readonly response: WatchResponse; readonly bytes: number }[] = [];
  /** Position of the next one to send: taking from the front costs nothing. */
  #head = 0;
  #bytes = 0;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  #error: Error | undefined;

  /** `onRoom` is called when a full queue has room again. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  get isFull(): boolean {
    return this.#responses.length - this.#head >= RESPONSES_MAX || this.#bytes >= EVENT_BYTES_MAX;
  }

  push(response: WatchResponse): void {
    const bytes = bytesOf(response.events);
    this.#bytes += bytes;
    this.#responses.push({ response, bytes });
    this.#wakeReader?.();
  }

  /** Ends the stream: the reader gets `error` at once, ahead of what waits. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** The next response, in order. Rejects with the error that ended the stream. */
  async next(): Promise<WatchResponse> {
    for (;;) {
      if (this.#error) throw this.#error;
      const item = this.#responses[this.#head];
      if (item) return this.#take(item);
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = undefined;
    }
  }

  /** Resolves when the queue has room, or the stream has ended. */
  async room(): Promise<void> {
    while (this.isFull && !this.#error) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  #take({ response, bytes }: { response: WatchResponse; bytes: number }): WatchResponse {
    const wasFull = this.isFull;
    this.#head++;
    this.#bytes -= bytes;
    if (this.#head === this.#responses.length) {
      this.#responses = [];
      this.#head = 0;
    }
    if (wasFull && !this.isFull) {
      this.#wakeWriter?.();
      this.#wakeWriter = undefined;
      this.#onRoom();
    }
    return response;
  }
}

/** What an event costs besides its key and value, roughly. */
const EVENT_OVERHEAD_BYTES = 64;

export function bytesOf(events: readonly Event[]): number {
  let bytes = 0;
  for (const event of events) bytes += eventBytes(event);
  return bytes;
}

export function eventBytes({ kv, prevKv }: Event): number {
  let bytes = EVENT_OVERHEAD_BYTES;
  if (kv) bytes += kv.key.length + kv.value.length;
  if (prevKv) bytes += prevKv.key.length + prevKv.value.length;
  return bytes;
}
