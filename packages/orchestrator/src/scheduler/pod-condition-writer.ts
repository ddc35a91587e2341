/**
 * Writes why a pod has no node yet (condition PodScheduled=False) into its status. What is to be
 * written is kept by pod and the latest counts; a pod that got a node, or is gone, needs none.
 *
 * PC1 a pod that has a node is never said to have none: the write is bound to the version that was
 *     looked at.
 */
import { setMaxListeners } from "node:events";
import type { Clock, Logger } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Pod, PodCondition } from "../api/gen/core-v1.js";
import { keyOf, keyText } from "../api/resource.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { WorkQueue } from "../controller/work-queue.js";
import type { Informer } from "../informer/informer.js";
import { timeText } from "../api/meta/time-text.js";

/** Of the API (core/v1, PodReason…). */
export type Unscheduled = "Unschedulable" | "SchedulingGated" | "SchedulerError";

export interface PodConditionWriterDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pods: Informer<Pod>;
}

interface Wanted {
  readonly uid: string | undefined;
  readonly reason: Unscheduled;
  readonly message: string;
}

/** Writes under way. */
const MAX_WRITES = 16;

export class PodConditionWriter {
  readonly #dependencies: PodConditionWriterDependencies;
  /** By `namespace/name`: one for each pod that the scheduler knows at most. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #queue: WorkQueue;
  readonly #closing = new AbortController();

  constructor(dependencies: PodConditionWriterDependencies) {
    this.#dependencies = dependencies;
    // Every write under way listens for the end.
    setMaxListeners(0, this.#closing.signal);
    this.#queue = new WorkQueue((key) => this.#write(key), dependencies, MAX_WRITES);
  }

  want(pod: Pod, wanted: { readonly reason: Unscheduled; readonly message: string }): void {
    const key = keyText(keyOf(pod));
    this.#wanted.set(key, { uid: pod.metadata.uid, ...wanted });
    this.#queue.add(key);
  }

  /** Writes under way are given up: whoever schedules next tells the same again. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the scheduler is closing"));
    await this.#queue.close();
  }

  async #write(key: string): Promise<void> {
    const { client, clock, pods } = this.#dependencies;
    const wanted = this.#wanted.get(key);
    const pod = pods.get(key);
    if (!wanted) return;
    const condition = pod && pod.metadata.uid === wanted.uid && conditionOf(pod, wanted, clock);
    if (pod && condition) {
      const { resourceVersion } = pod.metadata;
      const patch = { metadata: { resourceVersion }, status: { conditions: [condition] } };
      const { signal } = this.#closing;
      const options = { type: "strategic-merge", subresource: "status", signal } as const;
      try {
        await client.patch(PODS, keyOf(pod), patch, options);
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error; // Conflict too: again, from what is there.
      }
    }
    if (this.#wanted.get(key) === wanted) this.#wanted.delete(key);
  }
}

/** Undefined where there is nothing to write. */
function conditionOf(
  { spec, status }: Pod,
  { reason, message }: Wanted,
  clock: Clock,
): PodCondition | undefined {
  if (spec?.nodeName) return undefined;
  const known = status?.conditions?.find(({ type }) => type === "PodScheduled");
  const isFalse = known?.status === "False";
  if (isFalse && known.reason === reason && known.message === message) return undefined;
  const nowText = timeText(clock.wallMs());
  const lastTransitionTime = isFalse ? known.lastTransitionTime : nowText;
  return { type: "PodScheduled", status: "False", reason, message, lastTransitionTime };
}
