/**
 * What systemd or a kubelet is to a daemon: starts a member again that has stopped itself, a little
 * later each time. A member that faults have killed is started by them.
 *
 * A member that refuses its data is tried a few times, and then left to its operator: what it
 * said then is no violation where its disk was damaged, but it is one where nothing was done to it.
 */
import type { Machine } from "../member/machine.js";
import type { SimulatedWorld } from "../world/simulated-world.js";

const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 5_000;
/** Refusals in a row, after which it is left alone. */
const REFUSALS_MAX = 3;

export interface StoppedItself {
  readonly member: Machine;
  readonly atMs: number;
  readonly error: unknown;
}

export class Supervisor {
  /** Every time that a member stopped itself or refused to start. */
  readonly stopped: StoppedItself[] = [];
  readonly #world: SimulatedWorld;
  readonly #refusals = new Map<Machine, number>();

  constructor(world: SimulatedWorld, members: readonly Machine[]) {
    this.#world = world;
    for (const member of members) member.onEnded(() => this.#ended(member));
  }

  /** Starts it now, whoever has stopped it. */
  start(member: Machine): void {
    member.start().then(
      () => this.#refusals.delete(member),
      () => {}, // `onEnded` tells of it.
    );
  }

  /** Whether it has been given up: it refuses to start with the disk that it has. */
  hasGivenUp(member: Machine): boolean {
    return (this.#refusals.get(member) ?? 0) >= REFUSALS_MAX;
  }

  /** Its disk is another one now, or in order again. */
  forget(member: Machine): void {
    this.#refusals.delete(member);
  }

  #ended(member: Machine): void {
    if (member.failure === undefined) return;
    this.stopped.push({ member, atMs: this.#world.nowMs, error: member.failure });
    const refusals = (this.#refusals.get(member) ?? 0) + 1;
    this.#refusals.set(member, refusals);
    if (this.hasGivenUp(member)) return;
    const delayMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** refusals);
    this.#world.after(delayMs, () => {
      if (!member.isRunning) this.start(member);
    });
  }
}
