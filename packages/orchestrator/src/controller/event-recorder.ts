/** Events about objects, as `kubectl describe` shows them; repeats count up on one Event. */
import { type Clock, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Event, ObjectReference } from "../api/gen/core-v1.js";
import { EVENTS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";

export interface EventRecorderDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RecordedEvent {
  readonly about: ObjectReference;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

interface Budget {
  tokens: number;
  atMs: number;
}

interface Known {
  readonly name: string;
  count: number;
}

/** client-go's spam filter: a burst for each object, then one in five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** Sentences and objects remembered; the oldest are forgotten, and then begin a new Event. */
const MAX_KNOWN = 4_096;

export class EventRecorder {
  readonly #component: string;
  readonly #host: string;
  readonly #dependencies: EventRecorderDependencies;
  readonly #known = new Map<string, Known>();
  readonly #budgets = new Map<string, Budget>();
  readonly #tasks: TaskGroup;
  /** One write after the other, so that a count never overtakes its Event's creation. */
  #last: Promise<void> = Promise.resolve();

  constructor(
    source: { readonly component: string; readonly host?: string },
    dependencies: EventRecorderDependencies,
  ) {
    this.#component = source.component;
    this.#host = source.host ?? "";
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.warn("event was not recorded", { error: errorText(error) }),
    );
  }

  record(event: RecordedEvent): void {
    if (!this.#spend(event.about.uid ?? "")) return;
    this.#tasks.run("event", () => {
      const write = this.#last.then(() => this.#write(event));
      this.#last = write.catch(() => {}); // Reported by the task group; the next goes on.
      return write;
    });
  }

  async close(): Promise<void> {
    await this.#tasks.settled();
  }

  async #write(event: RecordedEvent): Promise<void> {
    const { client } = this.#dependencies;
    const namespace = event.about.namespace ?? "default";
    const key = `${event.about.uid}/${event.type}/${event.reason}/${event.message}`;
    const known = this.#known.get(key);
    if (known) {
      known.count++;
      try {
        const patch = { count: known.count, lastTimestamp: this.#nowText() };
        await client.patch(EVENTS, { namespace, name: known.name }, patch, { type: "merge" });
        return;
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error; // It expired: begin a new one below.
      }
    }
    const created = this.#event(event, namespace);
    await client.create(EVENTS, created);
    remember(this.#known, key, { name: created.metadata.name ?? "", count: 1 });
  }

  #event({ about, type, reason, message }: RecordedEvent, namespace: string): Event {
    const { random } = this.#dependencies;
    const now = this.#nowText();
    const suffix = [random.nextUint32(), random.nextUint32()]
      .map((part) => part.toString(16).padStart(8, "0"))
      .join("");
    return {
      metadata: { name: `${about.name}.${suffix}`, namespace },
      involvedObject: about,
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: this.#component, ...(this.#host === "" ? {} : { host: this.#host }) },
      reportingComponent: this.#component,
      reportingInstance: this.#host,
    };
  }

  #nowText(): string {
    return `${new Date(this.#dependencies.clock.wallMs()).toISOString().slice(0, 19)}Z`;
  }

  #spend(uid: string): boolean {
    const nowMs = this.#dependencies.clock.monotonicMs();
    const budget = this.#budgets.get(uid) ?? { tokens: BURST, atMs: nowMs };
    const refilled = Math.floor((nowMs - budget.atMs) / REFILL_MS);
    budget.tokens = Math.min(BURST, budget.tokens + refilled);
    budget.atMs += refilled * REFILL_MS;
    remember(this.#budgets, uid, budget);
    if (budget.tokens <= 0) return false;
    budget.tokens--;
    return true;
  }
}

/** Sets `key` as the newest, and forgets the oldest beyond the limit. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > MAX_KNOWN && oldest !== undefined) map.delete(oldest);
}
