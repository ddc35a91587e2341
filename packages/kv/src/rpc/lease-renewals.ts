/**
 * One stream of keepalives: answered in the order in which they came. At the leader each is answered
 * on the spot; through a follower many are on their way to the leader at once, and their answers
 * leave together.
 */
import { Outbox } from "@sagong/rpc";
import type { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../gen/rpc.js";

/** Renews one lease; refuses by throwing or rejecting. */
export type Renew = (
  request: LeaseKeepAliveRequest,
) => LeaseKeepAliveResponse | Promise<LeaseKeepAliveResponse>;

/** Renewals of one stream that are not answered yet: beyond it no further request is read. */
const UNDER_WAY_MAX = 128;

/** The stream ends with the requests, or with the first refusal. */
export function renewals(
  requests: AsyncIterable<LeaseKeepAliveRequest>,
  renew: Renew,
): Outbox<LeaseKeepAliveResponse> {
  return new Renewals(renew).start(requests);
}

type Answer = { readonly response: LeaseKeepAliveResponse } | { readonly error: unknown };

class Renewals {
  readonly #renew: Renew;
  readonly #outbox: Outbox<LeaseKeepAliveResponse>;
  /** Of the oldest renewals first; undefined where it has not come yet. */
  #answers: (Answer | undefined)[] = [];
  /** The number of the first of them, counted from the stream's beginning. */
  #first = 0;
  #onRoom: (() => void) | undefined;

  constructor(renew: Renew) {
    this.#renew = renew;
    this.#outbox = new Outbox({
      onRoom: () => this.#wake(),
      onClosed: () => this.#wake(),
    });
  }

  start(requests: AsyncIterable<LeaseKeepAliveRequest>): Outbox<LeaseKeepAliveResponse> {
    void this.#receive(requests);
    return this.#outbox;
  }

  /** Never rejects. */
  async #receive(requests: AsyncIterable<LeaseKeepAliveRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        this.#ask(request);
        while (this.#isFull && !this.#outbox.isClosed) await this.#room();
        if (this.#outbox.isClosed) return;
      }
      while (this.#answers.length > 0 && !this.#outbox.isClosed) await this.#room();
      this.#outbox.end();
    } catch (error) {
      this.#outbox.abandon(error);
    }
  }

  get #isFull(): boolean {
    return this.#answers.length + this.#outbox.waitingCount >= UNDER_WAY_MAX;
  }

  #ask(request: LeaseKeepAliveRequest): void {
    const renewed = this.#tryRenew(request);
    if ("response" in renewed && this.#answers.length === 0) {
      this.#outbox.send([renewed.response]);
      return;
    }
    const number = this.#first + this.#answers.length;
    if (!("promise" in renewed)) {
      this.#answers.push(renewed);
      this.#sendAnswered();
      return;
    }
    this.#answers.push(undefined);
    renewed.promise.then(
      (response) => this.#answered(number, { response }),
      (error: unknown) => this.#answered(number, { error }),
    );
  }

  #tryRenew(
    request: LeaseKeepAliveRequest,
  ): Answer | { readonly promise: Promise<LeaseKeepAliveResponse> } {
    try {
      const renewed = this.#renew(request);
      return renewed instanceof Promise ? { promise: renewed } : { response: renewed };
    } catch (error) {
      return { error };
    }
  }

  #answered(number: number, answer: Answer): void {
    this.#answers[number - this.#first] = answer;
    if (number === this.#first) this.#sendAnswered();
  }

  /** Those at the head of the line whose answer is there. */
  #sendAnswered(): void {
    const responses: LeaseKeepAliveResponse[] = [];
    let count = 0;
    for (const answer of this.#answers) {
      if (!answer) break;
      count++;
      if ("error" in answer) {
        this.#outbox.send(responses);
        this.#outbox.fail(answer.error);
        return;
      }
      responses.push(answer.response);
    }
    this.#answers = this.#answers.slice(count);
    this.#first += count;
    this.#outbox.send(responses);
    this.#wake();
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  #wake(): void {
    this.#onRoom?.();
    this.#onRoom = undefined;
  }
}
