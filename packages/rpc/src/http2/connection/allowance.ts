/** A token bucket for frames that a peer may send in moderation; see limits.ts. */
import type { AllowanceLimits } from "./limits.js";

export class Allowance {
  readonly #limits: AllowanceLimits;
  #tokens: number;
  #lastMs: number;

  constructor(limits: AllowanceLimits, nowMs: number) {
    this.#limits = limits;
    this.#tokens = limits.burst;
    this.#lastMs = nowMs;
  }

  /** False where the peer has used up what it may. */
  spend(nowMs: number): boolean {
    this.#regain(((nowMs - this.#lastMs) * this.#limits.perSecond) / 1_000);
    this.#lastMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** The peer did something that frames of this kind belong to. */
  work(): void {
    this.#regain(this.#limits.perWork);
  }

  #regain(tokens: number): void {
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + tokens);
  }
}
