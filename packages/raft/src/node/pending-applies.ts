/**
 * Committed entries between the core and the state machine, in order. A turn of the event loop
 * applies so many bytes of them: a member that catches up goes on to hear its leader.
 */
import type { Entry } from "../core/types.js";
import type { StateMachine } from "./state-machine.js";

/** About 10 ms of small requests; an entry is applied as a whole, however large. */
const TURN_BYTES = 262_144;

export class PendingApplies {
  readonly #stateMachine: StateMachine;
  readonly #defer: (callback: () => void) => void;
  readonly #onApplied: () => void;
  #entries: readonly Entry[] = [];
  #bytes = 0;
  #isDeferred = false;

  /** `onApplied` is called after a turn's share that was applied later, by `soon`. */
  constructor(
    stateMachine: StateMachine,
    defer: (callback: () => void) => void,
    onApplied: () => void,
  ) {
    this.#stateMachine = stateMachine;
    this.#defer = defer;
    this.#onApplied = onApplied;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#entries = this.#entries.length === 0 ? entries : [...this.#entries, ...entries];
    for (const { data } of entries) this.#bytes += data.length;
  }

  /** One turn's share; the rest follows in the next turns. */
  now(): void {
    if (this.#entries.length === 0) return;
    let [count, bytes] = [0, 0];
    for (const { data } of this.#entries) {
      if (count > 0 && bytes + data.length > TURN_BYTES) break;
      bytes += data.length;
      count++;
    }
    const isAll = count === this.#entries.length;
    const share = isAll ? this.#entries : this.#entries.slice(0, count);
    this.#entries = isAll ? [] : this.#entries.slice(count);
    this.#bytes -= bytes;
    this.#stateMachine.apply(share);
    this.soon();
  }

  /** In the next turn: what was just handed to network and disk leaves at the end of this one. */
  soon(): void {
    if (this.#entries.length === 0 || this.#isDeferred) return;
    this.#isDeferred = true;
    this.#defer(() => {
      this.#isDeferred = false;
      this.#onApplied();
    });
  }

  /** Before an image takes the state machine's place. */
  all(): void {
    while (this.#entries.length > 0) this.now();
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }
}
