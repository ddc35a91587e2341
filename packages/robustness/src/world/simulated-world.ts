/**
 * The world of one simulation: a queue of events and a time that jumps from one to the next.
 *
 *     event ─▶ process.nextTick and promises, all of them ─▶ settled ─▶ next event
 *
 * An event is a callback of Node's own setImmediate: Node settles ticks and promises completely
 * between two of them (its documentation, "The Node.js event loop", since version 11). They are asked
 * for in batches, since a turn of Node's loop costs several times what an event does.
 *
 * Owns time, order, chance and the trace; knows nothing of what happens in it. Nothing real may be
 * waited for inside: what a real timer, file or socket would call back comes at a time of its own,
 * and the run would not follow from its seed.
 */
import { assert, type Clock, type Random, seededRandom, type Timer } from "@sagong/base";
import { RunTrace } from "../trace/run-trace.js";
import { Digest, hashText } from "./digest.js";
import { EventQueue } from "./event-queue.js";
import type { World } from "./world.js";

/** Events of one turn of Node's loop; with more nothing is gained any more. */
const BATCH = 64;
/**
 * Events at one moment of simulated time. A real turn of the loop takes time, a simulated one none:
 * what asks for the next turn without end would stop the world.
 */
const EVENTS_AT_ONCE_MAX = 1_000_000;
const MICROS_PER_MS = 1_000;
/** The wall of `clock`. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

export class SimulatedWorld implements World {
  readonly seed: number;
  readonly trace: RunTrace;
  readonly digest: Digest = new Digest();
  /** True time, for those who have no clock of their own to be wrong. */
  readonly clock: Clock = {
    wallMs: () => EPOCH_MS + this.#nowMs,
    monotonicMs: () => this.#nowMs,
    schedule: (delayMs, callback) => this.after(Math.max(0, delayMs), callback),
  };
  readonly #queue = new EventQueue();
  readonly #streams = new Map<string, Random>();
  #nowMs = 0;
  #events = 0;
  #eventsNow = 0;
  #draws = 0;
  #isRunning = false;
  #settled: (() => void) | undefined;

  /** `seed` is a safe integer. `keepEvents`: how many of the last events the trace keeps. */
  constructor(seed: number, { keepEvents = 0 }: { readonly keepEvents?: number } = {}) {
    assert(Number.isSafeInteger(seed), `the seed ${seed} is no safe integer`);
    this.seed = seed;
    this.trace = new RunTrace(this.digest, { nowMs: () => this.#nowMs, keepEvents });
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many have run. */
  get eventCount(): number {
    return this.#events;
  }

  after(delayMs: number, callback: () => void): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`Cannot run something after ${delayMs} ms`);
    return this.#queue.at(this.#nowMs + delayMs, callback);
  }

  defer(callback: () => void): void {
    this.#queue.now(this.#nowMs, callback);
  }

  /** The same stream, wherever it has come to, for the same name. */
  chance(name: string): Random {
    const known = this.#streams.get(name);
    if (known) return known;
    const random = seededRandom(this.#seedOf(name));
    const stream = {
      nextUint32: (): number => {
        this.#draws++;
        return random.nextUint32();
      },
    };
    this.#streams.set(name, stream);
    return stream;
  }

  /** `listener` is called after each event, when everything it caused has settled. One at most. */
  onSettled(listener: (() => void) | undefined): void {
    this.#settled = listener;
  }

  /** Runs everything up to `untilMs`, which is the present then. Rejects with what an event throws. */
  async runUntil(untilMs: number): Promise<void> {
    await this.#run(untilMs, undefined);
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Stops early, after the event that has made `isTrue` so. Whether that came by `untilMs`. */
  async runUntilTrue(isTrue: () => boolean, untilMs: number): Promise<boolean> {
    if (isTrue()) return true;
    if (await this.#run(untilMs, isTrue)) return true;
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return false;
  }

  /** What `promise` resolves with, which only this world can bring about. */
  async settle<T>(promise: Promise<T>, withinMs: number): Promise<T> {
    let isSettled = false;
    const outcome = promise.finally(() => {
      isSettled = true;
    });
    outcome.catch(() => {}); // It is awaited below, where it has settled.
    const untilMs = this.#nowMs + withinMs;
    // A promise that has settled already says so in a microtask.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (!(await this.runUntilTrue(() => isSettled, untilMs))) {
      throw new Error(`nothing came of what was waited for within ${withinMs} simulated ms`);
    }
    return await outcome;
  }

  /** Of everything up to now. */
  digestValue(): string {
    this.digest.word(this.#events);
    this.digest.word(this.#draws);
    this.digest.number(this.#nowMs);
    return this.digest.value();
  }

  /** True where it was stopped by `isTrue`. */
  #run(untilMs: number, isTrue: (() => boolean) | undefined): Promise<boolean> {
    assert(!this.#isRunning, "a world is run by one at a time");
    this.#isRunning = true;
    return new Promise((resolve, reject) => {
      let isOver = false;
      let hasRun = false;
      const end = (finish: () => void): void => {
        isOver = true;
        this.#isRunning = false;
        finish();
      };
      const step = (isLast: boolean): void => {
        if (isOver) return;
        try {
          // What the event before has caused has settled by now.
          if (hasRun) this.#settled?.();
          if (hasRun && isTrue?.()) return end(() => resolve(true));
          hasRun = this.#runNext(untilMs);
        } catch (error) {
          return end(() => reject(error));
        }
        if (!hasRun) return end(() => resolve(false));
        if (isLast) post();
      };
      const post = (): void => {
        for (let i = 1; i < BATCH; i++) setImmediate(step, false);
        setImmediate(step, true);
      };
      post();
    });
  }

  /** False where nothing is due. */
  #runNext(untilMs: number): boolean {
    const event = this.#queue.peek();
    if (!event?.callback || event.atMs > untilMs) return false;
    this.#queue.take(event);
    if (event.atMs > this.#nowMs) {
      this.#nowMs = event.atMs;
      this.#eventsNow = 0;
    }
    this.#eventsNow++;
    if (this.#eventsNow > EVENTS_AT_ONCE_MAX) {
      throw new Error(
        `${EVENTS_AT_ONCE_MAX} events at ${this.#nowMs} ms: something asks for its next turn without end`,
      );
    }
    this.#events++;
    // To the microsecond: what is between is in every draw of chance that made it.
    this.digest.word(event.atMs * MICROS_PER_MS);
    this.digest.word(event.order);
    const { callback } = event;
    event.callback = undefined;
    callback();
    return true;
  }

  #seedOf(name: string): number {
    const high = hashText(`${this.seed}/${name}`);
    const low = hashText(`${name}\\${this.seed}`);
    return (high & 0x1fffff) * 2 ** 32 + low;
  }
}
