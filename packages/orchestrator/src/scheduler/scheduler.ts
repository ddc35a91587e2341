/**
 * The scheduler's loop: informers fill the cache and the queue; one pod after the other is given a
 * node (a pure choice), assumed there, and bound while the next one is being decided. The loop
 * waits in `next()`, and for bindings where too many are under way.
 *
 * S1 a pod is in the queue or in the cache, in both only while it is being bound.
 * S2 a binding that fails is forgotten before the pod is tried again.
 */
import { setImmediate } from "node:timers/promises";
import { type Clock, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import type { Node, ObjectReference, Pod } from "../api/gen/core-v1.js";
import { keyOf, keyText } from "../api/resource.js";
import type { ObjectClient } from "../client/object-client.js";
import type { EventRecorder } from "../controller/event-recorder.js";
import type { Informer } from "../informer/informer.js";
import { Binder } from "./binder.js";
import { chooseNode } from "./framework/choose-node.js";
import { ClusterCache } from "./framework/cluster-cache.js";
import { nodeEvents } from "./framework/cluster-event.js";
import type { Plugins } from "./framework/plugin.js";
import { podInfoOf, podKey } from "./framework/pod-info.js";
import { PodConditionWriter, type Unscheduled } from "./pod-condition-writer.js";
import { SchedulingQueue } from "./queue/scheduling-queue.js";

/** Pods that name no scheduler are ours too. */
export const DEFAULT_SCHEDULER_NAME = "default-scheduler";

export interface SchedulerDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Without those that have ended: they need nothing of their node any more. */
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly recorder: EventRecorder;
  readonly plugins: Plugins;
  /** Resolves in a later turn of the event loop; Node's own where left out. */
  readonly nextTurn?: (() => Promise<void>) | undefined;
}

/** Bindings under way; more wait until some are through. */
const MAX_BINDINGS = 64;
/** Longer messages are cut in events (Event.note). */
const MAX_NOTE_LENGTH = 1_024;
const GATED = "Scheduling is blocked due to non-empty scheduling gates";

export class Scheduler {
  readonly #dependencies: SchedulerDependencies;
  readonly #cache = new ClusterCache();
  readonly #queue: SchedulingQueue;
  readonly #binder: Binder;
  readonly #conditions: PodConditionWriter;
  readonly #tasks: TaskGroup;
  /** Where the next search for a node begins. */
  #start = 0;
  #closed = false;

  constructor(dependencies: SchedulerDependencies) {
    this.#dependencies = dependencies;
    this.#queue = new SchedulingQueue(dependencies.clock);
    this.#binder = new Binder(dependencies);
    this.#conditions = new PodConditionWriter(dependencies);
    this.#tasks = new TaskGroup((error, task) =>
      dependencies.logger.error("scheduling broke", { task, error: errorText(error) }),
    );
  }

  /** Call once the informers are in sync. */
  start(): void {
    this.#dependencies.nodes.onChange((now, before) => this.#onNode(now, before));
    this.#dependencies.pods.onChange((now, before) => this.#onPod(now, before));
    this.#tasks.run("schedule", () => this.#run());
  }

  /** Nothing is decided or bound any more when it resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.close();
    await this.#binder.close();
    await this.#tasks.settled();
    await this.#conditions.close();
  }

  #onNode(now: Node | undefined, before: Node | undefined): void {
    if (this.#closed) return;
    this.#cache.setNode((now ?? before)?.metadata.name ?? "", now);
    for (const event of nodeEvents(now, before)) this.#queue.happened(event);
  }

  #onPod(now: Pod | undefined, before: Pod | undefined): void {
    if (this.#closed) return;
    // Of the same name, but another one: the deletion between was not seen.
    if (before && before.metadata.uid !== now?.metadata.uid) this.#forgetPod(podKey(before));
    if (!now) return;
    const key = podKey(now);
    if (now.spec?.nodeName) {
      this.#queue.remove(key);
      this.#cache.setPod(now, now.spec.nodeName);
      if (before && asksForLess(now, before)) this.#queue.happened("pod-removed");
    } else if (!isOurs(now)) {
      this.#queue.remove(key);
    } else if (!this.#cache.hasPod(key) || this.#queue.placeOf(key) !== undefined) {
      // Unless it was bound just now, and this is from before.
      this.#queue.set(now);
      if (this.#queue.placeOf(key) === "gated") this.#explain(now, "SchedulingGated", GATED);
    }
  }

  #forgetPod(key: string): void {
    this.#queue.remove(key);
    if (!this.#cache.hasPod(key)) return;
    this.#cache.removePod(key);
    this.#queue.happened("pod-removed");
  }

  async #run(): Promise<void> {
    const { nextTurn = setImmediate } = this.#dependencies;
    while (!this.#closed) {
      const pod = await this.#queue.next();
      if (!pod) return;
      this.#try(pod);
      if (this.#binder.count >= MAX_BINDINGS) await this.#binder.oneEnded();
      else await nextTurn(); // Decisions follow upon each other: let I/O have its turn.
    }
  }

  #try(pod: Pod): void {
    const { plugins, random, logger } = this.#dependencies;
    const key = podKey(pod);
    const nodes = this.#cache.nodes();
    const choice = chooseNode(podInfoOf(pod), nodes, { plugins, random, start: this.#start });
    this.#start = nodes.length === 0 ? 0 : (this.#start + choice.examined) % nodes.length;
    if (choice.kind === "none") {
      logger.debug("no node fits", { pod: keyText(keyOf(pod)), reason: choice.message });
      this.#queue.giveBackUnschedulable(key, choice.helpedBy);
      this.#reportFailure(pod, "Unschedulable", choice.message);
      return;
    }
    this.#cache.setPod(pod, choice.nodeName);
    this.#tasks.run("bind", () => this.#bind(pod, choice.nodeName));
  }

  async #bind(pod: Pod, nodeName: string): Promise<void> {
    const { recorder, logger, pods } = this.#dependencies;
    const key = podKey(pod);
    const name = keyText(keyOf(pod));
    const outcome = await this.#binder.bind(pod, nodeName);
    switch (outcome.kind) {
      case "bound": {
        this.#queue.remove(key);
        logger.debug("pod bound", { pod: name, node: nodeName });
        const message = `Successfully assigned ${name} to ${nodeName}`;
        recorder.record({ about: referenceTo(pod), type: "Normal", reason: "Scheduled", message });
        return;
      }
      case "gone":
        this.#forgetPod(key);
        return;
      case "failed": {
        const known = pods.get(name);
        // It has a node after all: bound by somebody else, or by us and the answer was lost.
        if (known?.spec?.nodeName && podKey(known) === key) return;
        logger.warn("binding failed", { pod: name, node: nodeName, error: outcome.message });
        this.#cache.removePod(key);
        this.#queue.giveBackFailed(key);
        this.#queue.happened("pod-removed");
        this.#reportFailure(pod, "SchedulerError", `binding rejected: ${outcome.message}`);
      }
    }
  }

  #reportFailure(pod: Pod, reason: Unscheduled, message: string): void {
    this.#dependencies.recorder.record({
      about: referenceTo(pod),
      type: "Warning",
      reason: "FailedScheduling",
      message: cutTo(message, MAX_NOTE_LENGTH),
    });
    this.#explain(pod, reason, message);
  }

  #explain(pod: Pod, reason: Unscheduled, message: string): void {
    if (!this.#closed) this.#conditions.want(pod, { reason, message });
  }
}

function isOurs({ metadata, spec }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (spec?.schedulerName || DEFAULT_SCHEDULER_NAME) === DEFAULT_SCHEDULER_NAME;
}

/** A pod that has a node can change what it asks for, but not by itself. */
function asksForLess(now: Pod, before: Pod): boolean {
  return Boolean(before.spec?.nodeName) && now.metadata.generation !== before.metadata.generation;
}

function cutTo(text: string, maxLength: number): string {
  const mark = " ...";
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - mark.length)}${mark}`;
}

function referenceTo({ metadata }: Pod): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { kind: "Pod", apiVersion: "v1", name, namespace, uid, resourceVersion };
}
