/**
 * Writes pod statuses to the API: the latest one only, when it differs from what was written, one
 * write a pod at a time, retried until it is through or the pod is gone. Conditions of others
 * (PodScheduled, readiness gates) stay: what is there is read first, and only the difference written.
 */
import { setMaxListeners } from "node:events";
import { type Clock, delay, errorText, type Logger, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Pod, PodStatus } from "../api/gen/core-v1.js";
import { keyOf } from "../api/resource.js";
import { mergePatchBetween } from "../api/patch/merge-patch.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";

export interface StatusManagerDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entry {
  pod: Pod;
  status: PodStatus;
  written: string | undefined;
  writing: boolean;
}

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;
const FLUSH_POLL_MS = 5;

export class StatusManager {
  readonly #dependencies: StatusManagerDependencies;
  readonly #entries = new Map<string, Entry>();
  readonly #tasks: TaskGroup;
  readonly #closing = new AbortController();

  constructor(dependencies: StatusManagerDependencies) {
    this.#dependencies = dependencies;
    // Every write under way listens for the end.
    setMaxListeners(0, this.#closing.signal);
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.error("pod status was not written", { error: errorText(error) }),
    );
  }

  set(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? "";
    const entry = this.#entries.get(uid) ?? { pod, status, written: undefined, writing: false };
    entry.pod = pod;
    entry.status = status;
    this.#entries.set(uid, entry);
    if (entry.writing || this.#closing.signal.aborted) return;
    // What was written may have been changed by others since: then it is written again.
    const isThere = changeOf(pod.status, status) === undefined;
    if (textOf(status) === entry.written && isThere) return;
    entry.written = undefined;
    entry.writing = true;
    this.#tasks.run("write", async () => {
      try {
        await this.#write(uid, entry);
      } catch (error) {
        entry.writing = false;
        throw error;
      }
    });
  }

  /** Resolves when the pod's latest status is written, or will not be. */
  async flush(uid: string): Promise<void> {
    while (this.#entries.get(uid)?.writing) await delay(this.#dependencies.clock, FLUSH_POLL_MS);
  }

  remove(uid: string): void {
    this.#entries.delete(uid);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#tasks.settled();
  }

  async #writeOnce(pod: Pod, status: PodStatus): Promise<void> {
    const { client } = this.#dependencies;
    const { signal } = this.#closing;
    const present = await client.get(PODS, keyOf(pod), { signal });
    if (present.metadata.uid !== pod.metadata.uid) return; // A newer one: its own worker reports it.
    const change = changeOf(present.status, status);
    if (change === undefined) return;
    const { resourceVersion } = present.metadata;
    const patch = { metadata: { resourceVersion }, status: change };
    const options = { type: "merge", subresource: "status", signal } as const;
    await client.patch(PODS, keyOf(pod), patch, options);
  }

  /** Until the latest status is written. Ends in one step with `writing`, lest a `set` fall between. */
  async #write(uid: string, entry: Entry): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    for (;;) {
      const isLatest = textOf(entry.status) === entry.written;
      if (isLatest || this.#entries.get(uid) !== entry || this.#closing.signal.aborted) {
        entry.writing = false;
        return;
      }
      const { pod, status } = entry;
      try {
        await this.#writeOnce(pod, status);
        entry.written = textOf(status);
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (this.#closing.signal.aborted) continue;
        if (isApiError(error, "Conflict")) continue; // Changed since it was read: read it again.
        // Gone: there is nobody to tell. Refused: the next one may be accepted.
        entry.written = textOf(status);
        if (isApiError(error, "NotFound")) continue;
        if (isApiError(error, "Invalid")) throw error;
        entry.written = undefined;
        this.#dependencies.logger.warn("pod status is being retried", { error: errorText(error) });
        await delay(this.#dependencies.clock, retryMs, this.#closing.signal).catch(() => {});
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }
}

/** What makes ours of what is there, as a merge patch; conditions that are not ours stay. */
function changeOf(present: PodStatus | undefined, own: PodStatus): unknown {
  const conditions = own.conditions ?? [];
  const foreign = (present?.conditions ?? []).filter(
    ({ type }) => !conditions.some((condition) => condition.type === type),
  );
  const wanted = { ...own, conditions: [...conditions, ...foreign] };
  return mergePatchBetween(present ?? {}, wanted);
}

/** Key order is that of construction, the same for every status that podStatus() makes. */
function textOf(status: PodStatus): string {
  return JSON.stringify(status);
}
