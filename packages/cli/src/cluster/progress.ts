/** Progress lines of a start: what is being waited for, and how long it took. */
import type { Clock } from "@sagong/base";
import type { Io } from "../terminal.js";

export class Progress {
  readonly #io: Io;
  readonly #clock: Clock;
  #isLineOpen = false;

  constructor(io: Io, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
  }

  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    this.#io.err(`${what} … `);
    this.#isLineOpen = true;
    try {
      const result = await work();
      const seconds = ((this.#clock.monotonicMs() - startedMs) / 1000).toFixed(1);
      this.#io.err(this.#isLineOpen ? `${seconds} s\n` : `${what}: ready after ${seconds} s\n`);
      return result;
    } catch (error) {
      if (this.#isLineOpen) this.#io.err("failed\n");
      throw error;
    } finally {
      this.#isLineOpen = false;
    }
  }

  /** A sentence on a line of its own. */
  say(message: string): void {
    this.#io.err(this.#isLineOpen ? `\n${message}\n` : `${message}\n`);
    this.#isLineOpen = false;
  }
}
