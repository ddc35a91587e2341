/**
 * The trace of one simulated run. Its digest is the same whether events are kept or not: it takes
 * what kind of event it was, whose and of which end, but not the text, which is for people and made
 * only where somebody keeps it. What the text tells is in the digest by other ways: every event's
 * time and order by the world, every message's bytes by the network.
 */
import type { Digest } from "../world/digest.js";
import { hashText } from "../world/digest.js";
import type { Trace, TraceEvent } from "./trace.js";

type NewEvent = Parameters<Trace["add"]>[0];

export class RunTrace implements Trace {
  readonly #digest: Digest;
  readonly #nowMs: () => number;
  readonly #keepEvents: number;
  readonly #names = new Map<string | undefined, number>();
  #events: TraceEvent[] = [];
  #pairs = 0;

  /** Keeps the last `keepEvents`; 0 is none. */
  constructor(
    digest: Digest,
    options: { readonly nowMs: () => number; readonly keepEvents: number },
  ) {
    this.#digest = digest;
    this.#nowMs = options.nowMs;
    this.#keepEvents = options.keepEvents;
  }

  /** Where it is false, events need not even be made, but for their part in the digest. */
  get isKeeping(): boolean {
    return this.#keepEvents > 0;
  }

  get events(): readonly TraceEvent[] {
    return this.#events.slice(-this.#keepEvents || this.#events.length);
  }

  /** A number for both ends of something that lasts. */
  nextPair(): number {
    return ++this.#pairs;
  }

  add(event: NewEvent): void {
    this.#digest.word(this.#number(event.kind));
    this.#digest.word(this.#number(event.who));
    this.#digest.word(this.#number(event.phase));
    this.note(event);
  }

  /**
   * For people alone, and no part of the digest: what is only worth its making where it is kept (lines
   * of logs, messages in words) must not make another run of it.
   */
  note(event: NewEvent): void {
    if (this.#keepEvents === 0) return;
    const text = typeof event.text === "string" ? event.text : event.text();
    this.#events.push({ ...event, atMs: this.#nowMs(), text });
    // Twice as many, so that the old ones go by the half and not one by one.
    if (this.#events.length >= 2 * this.#keepEvents) {
      this.#events = this.#events.slice(-this.#keepEvents);
    }
  }

  #number(name: string | undefined): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const number = name === undefined ? 0 : hashText(name);
    this.#names.set(name, number);
    return number;
  }
}
