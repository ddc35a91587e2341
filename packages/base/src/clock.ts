/**
 * Time as a parameter. Real code gets `realClock()` of `@sagong/base/real`; tests and simulations
 * get a `VirtualClock`, whose time moves only when it is told to.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. For timestamps that people read. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. Rules leases, elections, timeouts. */
  monotonicMs(): number;
  /** Calls `callback` once, `delayMs` from now, unless cancelled. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** No effect once fired or cancelled. */
  cancel(): void;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock at rest: `advance` runs due callbacks in order of time, then of scheduling. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #entries: Entry[] = [];
  readonly #epochMs: number;

  constructor(epochMs: number = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
    };
  }

  /** The time of the next callback, or undefined where none waits. */
  nextAtMs(): number | undefined {
    return this.#next()?.atMs;
  }

  /** Moves time on by `durationMs`, running what falls due on the way, at its own time. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      const due = next;
      this.#entries = this.#entries.filter((other) => other !== due);
      this.#nowMs = due.atMs;
      due.callback();
    }
    this.#nowMs = untilMs;
  }

  #next(): Entry | undefined {
    let least: Entry | undefined;
    for (const entry of this.#entries) {
      if (
        !least ||
        entry.atMs < least.atMs ||
        (entry.atMs === least.atMs && entry.order < least.order)
      ) {
        least = entry;
      }
    }
    return least;
  }
}

/** Resolves after `delayMs` on `clock`; rejects with the signal's reason when aborted first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignalLike): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort);
  });
}

/** What `delay` needs of the platform's AbortSignal, which pure projects do not see. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
