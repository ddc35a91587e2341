/**
 * One direction of a stream: messages in order, bounded by what the reader has not read (flow control,
 * RFC 9113 §5.2, in messages rather than bytes). The writer is told when there is room again.
 *
 *     push ─▶ network ─▶ queue ─▶ messages      no more than WINDOW between the two
 *       ▲────── credit ◀── network ◀──┘
 */
import type { MessageType } from "@sagong/rpc";

export interface LaneCarrier {
  /** Towards the reader. `bytes` may be lost, doubled or overtaken where the carrier is told so. */
  forward(bytes: Uint8Array, reader: LaneReader): void;
  /** Towards the reader, behind everything that was forwarded, and never lost. */
  forwardEnd(deliver: () => void): void;
  /** Towards the writer. */
  back(deliver: () => void): void;
}

/** The reader's end, as the carrier has it. */
export interface LaneReader {
  arrive(bytes: Uint8Array): void;
  /** One that was forwarded never arrives. */
  lost(): void;
}

/** Messages that the reader has not taken. */
const WINDOW = 64;
/** Credit goes back in portions, so that it costs no message for each. */
const CREDIT = 16;

type End = { readonly error: unknown } | "ended";

export class Lane implements LaneReader {
  /** For the writer. */
  onRoom: (() => void) | undefined;
  readonly #carrier: LaneCarrier;
  /** The writer's side. */
  #credit = WINDOW;
  /** The reader's side. */
  #queue: Uint8Array[] = [];
  #end: End | undefined;
  #taken = 0;
  #onArrival: (() => void) | undefined;

  constructor(carrier: LaneCarrier) {
    this.#carrier = carrier;
  }

  // ── The writer's side ────────────────────────────────────────────────────────────────────────

  get hasRoom(): boolean {
    return this.#credit > 0;
  }

  /** Takes it, room or no room: the writer looks first. */
  push(bytes: Uint8Array): void {
    this.#credit--;
    this.#carrier.forward(bytes, this);
  }

  /** Behind everything pushed. */
  finish(end: End): void {
    this.#carrier.forwardEnd(() => this.close(end));
  }

  // ── The reader's side ────────────────────────────────────────────────────────────────────────

  arrive(bytes: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#queue.push(bytes);
    this.#wake();
  }

  lost(): void {
    this.#consumed();
  }

  /** The reader hears no more than what has arrived (ended), or nothing more (an error). */
  close(end: End): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    if (end !== "ended") this.#queue = [];
    this.#wake();
  }

  /** Decoded one by one; ends or throws as the lane does. One reader. */
  messages<T>(type: MessageType<T>): AsyncIterableIterator<T> {
    const iterator: AsyncIterableIterator<T> = {
      next: () => this.#next(type),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #next<T>(type: MessageType<T>): Promise<IteratorResult<T>> {
    const result = this.#take(type);
    if (result) return Promise.resolve(result);
    const end = this.#end;
    if (end !== undefined && end !== "ended") return Promise.reject(end.error);
    // Resolving with a promise would take two more turns of the microtask queue, for every message.
    return new Promise((resolve, reject) => {
      this.#onArrival = () => {
        const arrived = this.#take(type);
        if (arrived) resolve(arrived);
        else this.#next(type).then(resolve, reject);
      };
    });
  }

  /** Undefined where nothing is there, or where an error is the end. */
  #take<T>(type: MessageType<T>): IteratorResult<T> | undefined {
    const bytes = this.#queue.shift();
    if (bytes !== undefined) {
      this.#consumed();
      return { done: false, value: type.decode(bytes) };
    }
    return this.#end === "ended" ? { done: true, value: undefined } : undefined;
  }

  #consumed(): void {
    this.#taken++;
    if (this.#taken < CREDIT) return;
    const count = this.#taken;
    this.#taken = 0;
    this.#carrier.back(() => {
      const wasFull = this.#credit <= 0;
      this.#credit += count;
      if (wasFull && this.#credit > 0) this.onRoom?.();
    });
  }

  #wake(): void {
    const wake = this.#onArrival;
    this.#onArrival = undefined;
    wake?.();
  }
}
