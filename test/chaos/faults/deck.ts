/** In which order faults strike: each once, then each once more, so that a short run has them all. */
import { type Random, randomBelow } from "@sagong/base";
import { shuffled } from "./choices.js";
import type { ChaosFault } from "./fault.js";

/** Of every hundred faults so many have company. */
const COMPANY_PERCENT = 25;

export class Deck {
  readonly #random: Random;
  readonly #faults: readonly ChaosFault[];
  #left: ChaosFault[] = [];
  #rounds = 0;

  constructor(random: Random, faults: readonly ChaosFault[]) {
    if (faults.length === 0) throw new Error("Cannot choose a fault: there is none to choose from");
    this.#random = random;
    this.#faults = faults;
  }

  /** How often each has been drawn at least. */
  get rounds(): number {
    return this.#left.length === 0 ? this.#rounds : this.#rounds - 1;
  }

  /** One, or two that strike at once. */
  draw(): readonly ChaosFault[] {
    if (this.#left.length === 0) {
      this.#left = shuffled(this.#random, this.#faults);
      this.#rounds++;
    }
    const hasCompany =
      randomBelow(this.#random, 100) < COMPANY_PERCENT &&
      this.#left.slice(0, 2).every(({ isAlone }) => isAlone !== true);
    return this.#left.splice(0, hasCompany ? 2 : 1);
  }
}
