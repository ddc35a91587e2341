/** What every controller gets: shared informers, the client, time, chance and logs. */
import type { Clock, Logger, Random } from "@sagong/base";
import type { KubeObject, Resource } from "../api/resource.js";
import type { ObjectClient } from "../client/object-client.js";
import { Informer } from "../informer/informer.js";
import { timeText } from "../api/meta/time-text.js";

export class ControllerContext {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(parts: { client: ObjectClient; clock: Clock; random: Random; logger: Logger }) {
    this.client = parts.client;
    this.clock = parts.clock;
    this.random = parts.random;
    this.logger = parts.logger;
  }

  /** One informer a resource, whoever asks. */
  informer<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const key = `${resource.group}/${resource.resource}`;
    const known = this.#informers.get(key);
    if (known) return known as unknown as Informer<T>; // Made for this resource below.
    const informer = new Informer({ resource }, this).start();
    this.#informers.set(key, informer as unknown as Informer<KubeObject>); // Kept without its type.
    return informer;
  }

  /**
   * Resolves when every informer that was asked for has its first complete set; rejects with the
   * signal's reason when it is aborted first.
   */
  async synced(signal?: AbortSignal): Promise<void> {
    const synced = Promise.all([...this.#informers.values()].map((one) => one.synced()));
    const aborted = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error)); // Ours are Errors.
    });
    signal?.throwIfAborted();
    await Promise.race([synced, aborted]);
  }

  nowText(): string {
    return timeText(this.clock.wallMs());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.close()));
  }
}

/** A control loop over keys. */
export interface Controller {
  readonly name: string;
  /** Called once its informers are in sync. */
  start(): void;
  close(): Promise<void>;
}
