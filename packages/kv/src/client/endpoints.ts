/**
 * Several endpoints of one store as one thing to call: the first that answers is kept (pick first),
 * and left when it fails to be reached. What is safe to repeat is repeated at the next one.
 */
import { type Clock, delay } from "@sagong/base";
import { type Channel, RpcError, StatusCode } from "@sagong/rpc";

export interface EndpointsDependencies {
  readonly clock: Clock;
}

export type Repeatable =
  /** A read: any number of times. */
  | "always"
  /** A write: only where it surely never reached a member. */
  | "not-sent";

/** Attempts in one call: enough to outlive an election at 25 ms and more between them. */
const MAX_ATTEMPTS = 100;
const RETRY_MS = 25;
const DEFAULT_TIMEOUT_MS = 10_000;

export class Endpoints {
  readonly #channels: readonly Channel[];
  readonly #clock: Clock;
  #current = 0;

  constructor(channels: readonly Channel[], { clock }: EndpointsDependencies) {
    if (channels.length === 0) throw new RangeError("Cannot make a client: no endpoint is given");
    this.#channels = channels;
    this.#clock = clock;
  }

  get current(): Channel {
    return this.#channels[this.#current] as Channel; // There is at least one; see #next.
  }

  /** Leaves `failed`, if it is still the one in use. */
  leave(failed: Channel): void {
    if (this.current === failed) this.#current = (this.#current + 1) % this.#channels.length;
  }

  async call<T>(
    repeat: Repeatable,
    options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
    action: (channel: Channel, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    for (let attempt = 1; ; attempt++) {
      const channel = this.current;
      const leftMs = deadlineMs - this.#clock.monotonicMs();
      try {
        return await action(channel, Math.max(1, leftMs));
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== StatusCode.unavailable) throw error;
        this.leave(channel);
        const safe = repeat === "always" || wasNotSent(error);
        const late = this.#clock.monotonicMs() + RETRY_MS >= deadlineMs;
        if (!safe || late || attempt >= MAX_ATTEMPTS || options.signal?.aborted) throw error;
      }
      await delay(this.#clock, RETRY_MS, options.signal);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.close()));
  }
}

/**
 * No connection was made, or the member refused before it proposed anything. Not where a channel was
 * closed: that ends calls under way too, whose writes may be done.
 */
function wasNotSent({ message }: RpcError): boolean {
  return /No connection established|ECONNREFUSED|etcdserver: no leader/.test(message);
}
