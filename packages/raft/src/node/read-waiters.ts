/**
 * Who waits for a read index (thesis §6.4). All that ask in one turn share one question; a question
 * has a number, its context, by which the leader's answer finds it.
 *
 * W1 numbers begin anywhere: an answer to a question of this member's former run, still on its way,
 *    must not fit a new one, whose reads may have to see more.
 * W2 a reader joins only a question that was not asked yet.
 */
import { type Random, randomBelow } from "@sagong/base";
import { ReadIndexRefusedError } from "../core/errors.js";
import type { ReadAnswer } from "../core/leader-reads.js";
import type { LogIndex } from "../core/types.js";

interface Waiter {
  resolve(index: LogIndex): void;
  reject(error: unknown): void;
}

/** Questions without an answer; the oldest are given up. */
const MAX_OPEN = 1_000;

export class ReadWaiters {
  readonly #open = new Map<number, Waiter[]>();
  #new: Waiter[] = [];
  #lastContext: number;

  constructor(random: Random) {
    this.#lastContext = randomBelow(random, 2 ** 32) * 2 ** 20;
  }

  /** Resolves with the index that the next question's answer brings. */
  wait(): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      this.#new.push({ resolve, reject });
    });
  }

  /** Asks for all who came since the last time; `question` may refuse by a throw. */
  ask(question: (context: number) => void): void {
    if (this.#new.length === 0) return;
    const waiters = this.#new;
    this.#new = [];
    const context = ++this.#lastContext;
    try {
      question(context);
      this.#open.set(context, waiters);
      this.#forgetOld();
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error);
    }
  }

  answer(answers: readonly ReadAnswer[]): void {
    for (const { context, index } of answers) {
      const waiters = this.#open.get(context) ?? [];
      this.#open.delete(context);
      for (const waiter of waiters) {
        if (index !== undefined) waiter.resolve(index);
        else waiter.reject(new ReadIndexRefusedError("leadership was lost"));
      }
    }
  }

  /** What was asked of a former leader may never be answered. */
  refuseAsked(error: ReadIndexRefusedError): void {
    for (const waiter of [...this.#open.values()].flat()) waiter.reject(error);
    this.#open.clear();
  }

  refuseAll(error: ReadIndexRefusedError): void {
    this.refuseAsked(error);
    for (const waiter of this.#new) waiter.reject(error);
    this.#new = [];
  }

  /** A question that was lost on its way to the leader is never answered: ask again. */
  #forgetOld(): void {
    for (const [context, waiters] of this.#open) {
      if (this.#open.size <= MAX_OPEN) return;
      this.#open.delete(context);
      for (const waiter of waiters) waiter.reject(new ReadIndexRefusedError("no answer came"));
    }
  }
}
