/**
 * One run of one program of the cluster: its clock and its chance, until it is killed. All clocks
 * show the same, as Kubernetes asks of a cluster: it compares times that different machines wrote.
 */
import type { Clock, Random } from "@sagong/base";
import { ProcessGate } from "../member/process-gate.js";
import type { World } from "../world/world.js";

/** The wall's time when a run begins. */
export const EPOCH_MS: number = Date.UTC(2026, 0, 1);

export class SimulatedProcess {
  /** The program's, the same for all its runs: `controller-manager-0`. */
  readonly name: string;
  readonly gate: ProcessGate;
  readonly clock: Clock;
  readonly random: Random;
  readonly #world: World;
  readonly #onKill = new Set<() => void>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.gate = new ProcessGate(world);
    this.clock = {
      wallMs: () => EPOCH_MS + Math.floor(world.nowMs),
      monotonicMs: () => world.nowMs,
      schedule: (delayMs, callback) => this.gate.after(Math.max(0, delayMs), callback),
    };
    this.random = world.chance(name);
  }

  get isAlive(): boolean {
    return !this.gate.isDead;
  }

  /** SIGSTOP, and SIGCONT after `forMs`. */
  pause(forMs: number): void {
    this.gate.shut();
    this.#world.after(forMs, () => this.gate.open());
  }

  /** kill -9: nothing of it runs any more, and its connections break. */
  kill(): void {
    this.gate.kill();
    for (const listener of this.#onKill) listener();
    this.#onKill.clear();
  }

  /** Calls back in the world, not in the process, which is no more. Returns what takes that back. */
  onKill(listener: () => void): () => void {
    this.#onKill.add(listener);
    return () => this.#onKill.delete(listener);
  }
}
