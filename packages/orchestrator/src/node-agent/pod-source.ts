/**
 * The pods bound to this node, as a level: `onPods` gets the whole set after each change, and only
 * once a first complete set is known, so that the agent never mistakes "not yet read" for "gone".
 */
import { type Clock, delay, errorText, type Logger, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Pod } from "../api/gen/core-v1.js";
import { PODS } from "../api/resources.js";
import { INITIAL_EVENTS_END, type ObjectClient } from "../client/object-client.js";

export interface PodSourceDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onPods: (pods: ReadonlyMap<string, Pod>) => void;
}

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;

export class PodSource {
  readonly #nodeName: string;
  readonly #dependencies: PodSourceDependencies;
  readonly #tasks: TaskGroup;
  readonly #closing = new AbortController();
  /** By uid: a pod that is deleted and made again under its name is another pod. */
  #pods = new Map<string, Pod>();
  #version: string | undefined;

  constructor(nodeName: string, dependencies: PodSourceDependencies) {
    this.#nodeName = nodeName;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.error("pod source broke", { error: errorText(error) }),
    );
  }

  start(): void {
    this.#tasks.run("watch", () => this.#run());
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#tasks.settled();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      try {
        await (this.#version === undefined ? this.#read() : this.#follow(this.#version));
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (signal.aborted) return;
        if (isApiError(error, "Expired", "Gone")) this.#version = undefined;
        else logger.warn("pod watch is being retried", { error: errorText(error) });
        await delay(clock, retryMs, signal).catch(() => {});
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  /** Reads the complete set as a watch that begins with what is there, then follows it. */
  async #read(): Promise<void> {
    const pods = new Map<string, Pod>();
    let complete = false;
    const events = this.#dependencies.client.watch(PODS, {
      ...this.#selection(),
      sendInitialEvents: true,
    });
    for await (const event of events) {
      this.#version = complete
        ? (event.object.metadata.resourceVersion ?? this.#version)
        : undefined;
      if (event.type === "BOOKMARK") {
        if (event.object.metadata.annotations?.[INITIAL_EVENTS_END] !== "true") continue;
        complete = true;
        this.#version = event.object.metadata.resourceVersion;
        this.#pods = pods;
      } else {
        change(pods, event);
      }
      if (complete) this.#dependencies.onPods(new Map(this.#pods));
    }
  }

  async #follow(version: string): Promise<void> {
    const events = this.#dependencies.client.watch(PODS, {
      ...this.#selection(),
      resourceVersion: version,
    });
    for await (const event of events) {
      this.#version = event.object.metadata.resourceVersion ?? this.#version;
      if (event.type === "BOOKMARK") continue;
      change(this.#pods, event);
      this.#dependencies.onPods(new Map(this.#pods));
    }
  }

  #selection(): { fieldSelector: string; allowWatchBookmarks: true; signal: AbortSignal } {
    return {
      fieldSelector: `spec.nodeName=${this.#nodeName}`,
      allowWatchBookmarks: true,
      signal: this.#closing.signal,
    };
  }
}

function change(
  pods: Map<string, Pod>,
  event: { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: Pod },
): void {
  const uid = event.object.metadata.uid ?? "";
  if (event.type === "DELETED") pods.delete(uid);
  else pods.set(uid, event.object);
}
