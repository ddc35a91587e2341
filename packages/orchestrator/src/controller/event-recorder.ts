/**
 * Events about objects, as `kubectl describe` shows them, kept few as client-go's EventCorrelator
 * keeps them: the same sentence again counts up on its Event; many sentences of one reason become
 * one Event that says so; an object that still talks too much is held back.
 *
 * What is recorded is written in order, one write after the other, so that a count never overtakes
 * its Event's creation. Events are told once: one that cannot be written is logged and dropped.
 */
import { type Clock, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Event, ObjectReference } from "../api/gen/core-v1.js";
import { EVENTS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { timeText } from "../api/meta/time-text.js";

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

/** One Event that was or is being written. */
interface Known {
  readonly name: string;
  readonly firstTimestamp: string;
  count: number;
}

/** The sentences of one object, type and reason. */
interface Similar {
  readonly messages: Set<string>;
  atMs: number;
}

/** client-go's spam filter: a burst for each object, then one in five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** client-go's aggregator: from so many different sentences within ten minutes on. */
const SIMILAR = 10;
const SIMILAR_MS = 600_000;
const COMBINED = "(combined from similar events): ";
/** Sentences and objects remembered; the oldest are forgotten, and then begin a new Event. */
const MAX_KNOWN = 4_096;
/** Events that wait to be written, as in client-go's queue; more are dropped. */
const MAX_WAITING = 1_000;
const NS_PER_MS = 1_000_000n;
/** At most this far apart: fewer than a thousand of one millisecond do not run ahead of the clock. */
const STAMP_STEP_NS = 1_000;

export class EventRecorder {
  readonly #component: string;
  readonly #host: string;
  readonly #dependencies: EventRecorderDependencies;
  readonly #known = new Map<string, Known>();
  readonly #similar = new Map<string, Similar>();
  readonly #budgets = new Map<string, Budget>();
  readonly #tasks: TaskGroup;
  #last: Promise<void> = Promise.resolve();
  /** Of the newest Event's name. */
  #stampNs = 0n;

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
    const { key, message } = this.#combine(event);
    const known = this.#known.get(key) ?? this.#begin(event);
    known.count++;
    remember(this.#known, key, known);
    if (!this.#spend(objectKey(event.about))) return;
    if (this.#tasks.size >= MAX_WAITING) {
      const { reason } = event;
      this.#dependencies.logger.warn("event was dropped: too many wait to be written", { reason });
      return;
    }
    const written = this.#event({ ...event, message }, known);
    this.#tasks.run("event", () => {
      const write = this.#last.then(() => this.#write(written));
      this.#last = write.catch(() => {}); // Reported by the task group; the next goes on.
      return write;
    });
  }

  /** Resolves when all that was recorded is written or given up. */
  async close(): Promise<void> {
    await this.#tasks.settled();
  }

  /** Which Event this one counts on, and with what sentence. */
  #combine({ about, type, reason, message }: RecordedEvent): { key: string; message: string } {
    const nowMs = this.#dependencies.clock.monotonicMs();
    const key = `${objectKey(about)}/${type}/${reason}`;
    const known = this.#similar.get(key);
    const fresh = known === undefined || nowMs - known.atMs > SIMILAR_MS;
    const similar = fresh ? { messages: new Set<string>(), atMs: nowMs } : known;
    similar.atMs = nowMs;
    similar.messages.add(message);
    remember(this.#similar, key, similar);
    if (similar.messages.size < SIMILAR) return { key: `${key}/${message}`, message };
    similar.messages.delete(message); // So that the set never grows beyond the limit.
    return { key, message: COMBINED + message };
  }

  #begin({ about }: RecordedEvent): Known {
    const name = `${about.name}.${this.#nextStampNs().toString(16)}`;
    return { name, firstTimestamp: this.#nowText(), count: 0 };
  }

  /**
   * Nanoseconds, as client-go names events: a list is sorted by name and so by time, which the
   * seconds inside them cannot tell. What our clock does not count is random, against two recorders.
   */
  #nextStampNs(): bigint {
    const { clock, random } = this.#dependencies;
    const nowNs = BigInt(Math.floor(clock.wallMs())) * NS_PER_MS;
    const baseNs = nowNs > this.#stampNs ? nowNs : this.#stampNs;
    this.#stampNs = baseNs + 1n + BigInt(random.nextUint32() % STAMP_STEP_NS);
    return this.#stampNs;
  }

  #event({ about, type, reason, message }: RecordedEvent, known: Known): Event {
    return {
      metadata: { name: known.name, namespace: about.namespace ?? "default" },
      involvedObject: about,
      type,
      reason,
      message,
      count: known.count,
      firstTimestamp: known.firstTimestamp,
      lastTimestamp: this.#nowText(),
      source: { component: this.#component, ...(this.#host === "" ? {} : { host: this.#host }) },
      reportingComponent: this.#component,
      reportingInstance: this.#host,
    };
  }

  async #write(event: Event): Promise<void> {
    const { client } = this.#dependencies;
    const { count = 1, message, lastTimestamp } = event;
    if (count > 1) {
      const { namespace, name = "" } = event.metadata;
      try {
        const patch = { count, message, lastTimestamp };
        await client.patch(EVENTS, { namespace, name }, patch, { type: "merge" });
        return;
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error; // It expired: begin it again below.
      }
    }
    await client.create(EVENTS, event);
  }

  #nowText(): string {
    return timeText(this.#dependencies.clock.wallMs());
  }

  #spend(object: string): boolean {
    const nowMs = this.#dependencies.clock.monotonicMs();
    const budget = this.#budgets.get(object) ?? { tokens: BURST, atMs: nowMs };
    const refilled = Math.floor((nowMs - budget.atMs) / REFILL_MS);
    budget.tokens = Math.min(BURST, budget.tokens + refilled);
    budget.atMs += refilled * REFILL_MS;
    remember(this.#budgets, object, budget);
    if (budget.tokens <= 0) return false;
    budget.tokens--;
    return true;
  }
}

function objectKey({ kind, namespace, name, uid }: ObjectReference): string {
  return `${kind}/${namespace ?? ""}/${name}/${uid ?? ""}`;
}

/** Sets `key` as the newest, and forgets the oldest beyond the limit. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > MAX_KNOWN && oldest !== undefined) map.delete(oldest);
}
