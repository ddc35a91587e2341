/**
 * Events about pods, as `kubectl describe pod` shows them. Repeats of one sentence count up on the
 * same Event, and a pod that talks too much is held back (the kubelet's spam filter: a burst of 25,
 * then one in five minutes).
 */
import { type Clock, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Event, Pod } from "../api/gen/core-v1.js";
import { EVENTS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { timeText } from "./pod/pod-status.js";

export interface PodEvent {
  readonly pod: Pod;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface PodEventsDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Known {
  readonly name: string;
  count: number;
}

const BURST = 25;
const REFILL_MS = 300_000;
/** Sentences and pods remembered; the oldest are forgotten, and then begin a new Event. */
const MAX_KNOWN = 4_096;

export class PodEvents {
  readonly #nodeName: string;
  readonly #dependencies: PodEventsDependencies;
  readonly #known = new Map<string, Known>();
  readonly #budgets = new Map<string, { tokens: number; atMs: number }>();
  readonly #tasks: TaskGroup;
  /** One write after the other, so that a count never overtakes its Event's creation. */
  #last: Promise<void> = Promise.resolve();

  constructor(nodeName: string, dependencies: PodEventsDependencies) {
    this.#nodeName = nodeName;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.warn("event was not recorded", { error: errorText(error) }),
    );
  }

  record(event: PodEvent): void {
    if (!this.#spend(event.pod.metadata.uid ?? "")) return;
    this.#tasks.run("event", () => {
      const write = this.#last.then(() => this.#write(event));
      this.#last = write.catch(() => {}); // Reported by the task group; the next goes on.
      return write;
    });
  }

  async close(): Promise<void> {
    await this.#tasks.settled();
  }

  async #write(event: PodEvent): Promise<void> {
    const { client, clock } = this.#dependencies;
    const { namespace = "default", uid } = event.pod.metadata;
    const key = `${uid}/${event.type}/${event.reason}/${event.message}`;
    const known = this.#known.get(key);
    if (known) {
      known.count++;
      const patch = { count: known.count, lastTimestamp: timeText(clock.wallMs()) };
      try {
        await client.patch(EVENTS, { namespace, name: known.name }, patch, { type: "merge" });
        return;
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error; // It expired: begin a new one below.
      }
    }
    const created = this.#event(event);
    await client.create(EVENTS, created);
    remember(this.#known, key, { name: created.metadata.name ?? "", count: 1 });
  }

  #event({ pod, type, reason, message }: PodEvent): Event {
    const { clock, random } = this.#dependencies;
    const { name = "", namespace = "default", uid, resourceVersion } = pod.metadata;
    const now = timeText(clock.wallMs());
    const suffix = [random.nextUint32(), random.nextUint32()]
      .map((part) => part.toString(16).padStart(8, "0"))
      .join("");
    const source = { component: "kubelet", host: this.#nodeName };
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.${suffix}`, namespace },
      involvedObject: { apiVersion: "v1", kind: "Pod", name, namespace, uid, resourceVersion },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source,
      reportingComponent: source.component,
      reportingInstance: source.host,
    };
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
