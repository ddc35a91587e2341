/**
 * The one way by which the world reaches a process: its timers, what arrives for it, its finished
 * disk operations. SIGSTOP shuts the gate and SIGCONT lets in, in order, what came meanwhile; kill -9
 * takes it away, and nothing that waits or comes later reaches the dead.
 *
 * G1 the process runs inside its gate only, so a dead one never does anything again.
 * G2 what passes the gate passes in the order in which it came, each as an event of its own.
 */
import { assert, type Timer } from "@sagong/base";
import type { World } from "../world/world.js";

export class ProcessGate {
  readonly #world: World;
  #isDead = false;
  #isShut = false;
  #waiting: (() => void)[] = [];
  #entered = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Lets `callback` in: now, when the process goes on, or never. */
  enter(callback: () => void): void {
    if (this.admits()) callback();
    else this.wait(callback);
  }

  /** Whether the one who asks is let in now, and so has entered. Who is not may wait. */
  admits(): boolean {
    if (this.#isDead || this.#isShut) return false;
    this.#entered++;
    return true;
  }

  /** Lets `callback` in when the process goes on, or never. */
  wait(callback: () => void): void {
    if (!this.#isDead) this.#waiting.push(callback);
  }

  /** How often something was let in: where it is the same as before, the process is, too (G1). */
  get entered(): number {
    return this.#entered;
  }

  /** `delayMs` of true time. A timer that falls due while the gate is shut fires late. */
  after(delayMs: number, callback: () => void): Timer {
    return new GateTimer(this, this.#isDead ? undefined : this.#world, delayMs, callback);
  }

  defer(callback: () => void): void {
    if (!this.#isDead) this.#world.defer(() => this.enter(callback));
  }

  shut(): void {
    this.#isShut = true;
  }

  open(): void {
    if (this.#isDead || !this.#isShut) return;
    this.#isShut = false;
    this.#letIn();
  }

  kill(): void {
    this.#isDead = true;
    this.#waiting = [];
  }

  /** One an event; what comes meanwhile comes after them, for they are deferred before it. */
  #letIn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) this.#world.defer(() => this.enter(callback));
    assert(this.#waiting.length === 0, "a gate lets in what waits, and nothing is added meanwhile");
  }
}

/** Cancelled also while it waits at the gate. */
class GateTimer implements Timer {
  readonly #gate: ProcessGate;
  readonly #timer: Timer | undefined;
  #callback: (() => void) | undefined;

  constructor(gate: ProcessGate, world: World | undefined, delayMs: number, callback: () => void) {
    this.#gate = gate;
    this.#callback = callback;
    this.#timer = world?.after(delayMs, () => {
      // What `enter` does: hardly any timer waits, and there are too many for a closure more.
      if (this.#gate.admits()) this.#fire();
      else this.#gate.wait(() => this.#fire());
    });
  }

  cancel(): void {
    this.#callback = undefined;
    this.#timer?.cancel();
  }

  #fire(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }
}
