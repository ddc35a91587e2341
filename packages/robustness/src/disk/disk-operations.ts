/**
 * The calls that a process makes of its disk, over simulated time: each takes its while, has its
 * effect at the end of it, and answers through the process's door. At a crash those under way are
 * done, half done or not at all, and never answered.
 */
import { type Random, randomFraction } from "@sagong/base";
import type { World } from "../world/world.js";
import type { DiskFaults } from "./disk-faults.js";

/** How answers of the disk reach a process; it may be paused, or dead. */
export interface DiskProcess {
  enter(callback: () => void): void;
}

export interface DiskCall<T> {
  readonly takes: Duration;
  /** What it carries, which takes time too. */
  readonly bytes?: number;
  /** At its end; what it throws is the call's answer. */
  readonly effect: () => T;
  /** At a crash in the middle of it; left out: it is done as a whole or not. */
  readonly interrupt?: (random: Random) => void;
}

/** Milliseconds, from and to: as an SSD behind a file system takes them. */
export type Duration = readonly [minMs: number, maxMs: number];

export const DURATIONS: Readonly<
  Record<"read" | "names" | "cachedWrite" | "durableWrite" | "sync" | "table", Duration>
> = {
  read: [0.05, 0.3],
  names: [0.02, 0.1],
  cachedWrite: [0.02, 0.2],
  durableWrite: [0.2, 2],
  sync: [0.2, 2.5],
  /** LevelDB sorts a log into a table, beside everything else. */
  table: [2, 60],
};

/** 400 MB/s. */
const BYTES_PER_MS = 400_000;

interface Underway {
  timer: { cancel(): void };
  readonly interrupt: (random: Random) => void;
}

export class DiskOperations {
  readonly #world: World;
  readonly #faults: DiskFaults;
  readonly #pace: Random;
  #underway = new Set<Underway>();

  constructor(options: {
    readonly world: World;
    readonly faults: DiskFaults;
    readonly pace: Random;
  }) {
    this.#world = options.world;
    this.#faults = options.faults;
    this.#pace = options.pace;
  }

  get underway(): number {
    return this.#underway.size;
  }

  run<T>(process: DiskProcess, call: DiskCall<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        const stallMs = this.#faults.stalledUntilMs - this.#world.nowMs;
        if (stallMs > 0) {
          one.timer = this.#world.after(stallMs, end);
          return;
        }
        this.#underway.delete(one);
        try {
          const value = call.effect();
          process.enter(() => resolve(value));
        } catch (error) {
          process.enter(() => reject(error));
        }
      };
      const one: Underway = {
        timer: this.#world.after(this.#durationMs(call), end),
        interrupt: call.interrupt ?? ((random) => doneOrNot(call.effect, random)),
      };
      this.#underway.add(one);
    });
  }

  /** In the order in which they began. */
  crash(random: Random): void {
    for (const { timer, interrupt } of this.#underway) {
      timer.cancel();
      interrupt(random);
    }
    this.#underway = new Set();
  }

  #durationMs({ takes: [minMs, maxMs], bytes = 0 }: DiskCall<unknown>): number {
    const ms = minMs + randomFraction(this.#pace) * (maxMs - minMs) + bytes / BYTES_PER_MS;
    return ms * this.#faults.slowdown;
  }
}

function doneOrNot(effect: () => unknown, random: Random): void {
  if (random.nextUint32() % 2 === 0) return;
  try {
    effect();
  } catch {
    // It would have failed: nobody is there to be told, and nothing is done.
  }
}
