/**
 * Pods that wait for a node (kube-scheduler's PriorityQueue).
 *
 *   gated ──gates gone──▶ active ──next()──▶ trying ──no node──▶ unschedulable
 *                           ▲ ▲                │  └──failed──▶ failed │
 *                           │ └────────────────┼──1 … 10 s──────┘     │ something may help,
 *                           └──── backoff ◀────┴───something helped◀──┘ or 5 minutes are over
 *
 * Backoff is 1 s, doubled with each try up to 10 s, from when the try ended. It keeps pods that
 * cannot be helped from crowding out others: where nothing is active, those in `backoff` are taken
 * before their time; those in `failed` never are, as what failed them was not the cluster's state.
 *
 * The queue holds no more pods than the API server has; every pod is in exactly one place.
 *
 * SQ1 active pods are taken by priority, then in the order in which they became active.
 * SQ2 what happens while a pod is being tried counts for it as if it happened after.
 */
import type { Clock, Timer } from "@sagong/base";
import type { Pod } from "../../api/gen/core-v1.js";
import type { ClusterEvent } from "../framework/cluster-event.js";
import { podKey, priorityOf } from "../framework/pod-info.js";
import { KeyedHeap } from "./keyed-heap.js";

export type Place = "gated" | "active" | "trying" | "backoff" | "failed" | "unschedulable";

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 10_000;
const UNSCHEDULABLE_MAX_MS = 300_000;
const FLUSH_MS = 30_000;

interface Entry {
  pod: Pod;
  place: Place;
  /** Tries that ended without a node. */
  attempts: number;
  /** When the last try ended. */
  triedMs: number;
  /** `#sequence` when the try under way began. */
  began: number;
  /** What may help it, while it is unschedulable. */
  helpedBy: ReadonlySet<ClusterEvent>;
}

interface Turn {
  readonly priority: number;
  readonly sequence: number;
}

interface Wait {
  readonly untilMs: number;
  readonly sequence: number;
}

const byTurn = (a: Turn, b: Turn): number => b.priority - a.priority || a.sequence - b.sequence;
const byWait = (a: Wait, b: Wait): number => a.untilMs - b.untilMs || a.sequence - b.sequence;

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #active = new KeyedHeap<Turn>(byTurn);
  readonly #backoff = new KeyedHeap<Wait>(byWait);
  readonly #failed = new KeyedHeap<Wait>(byWait);
  readonly #unschedulable = new Set<string>();
  /** Counts what becomes active and what happens, so that either has an order. */
  #sequence = 0;
  /** When each last happened, by `#sequence`. */
  readonly #happened = new Map<ClusterEvent, number>();
  #wake: (() => void) | undefined;
  #flush: Timer | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#scheduleFlush();
  }

  get size(): number {
    return this.#entries.size;
  }

  placeOf(key: string): Place | undefined {
    return this.#entries.get(key)?.place;
  }

  /** A new pod, or one as it is now: where more than its status changed, it is worth another try. */
  set(pod: Pod): void {
    const key = podKey(pod);
    const entry = this.#entries.get(key);
    if (!entry) {
      const fresh = { attempts: 0, triedMs: 0, began: 0, helpedBy: new Set<ClusterEvent>() };
      const place = isGated(pod) ? "gated" : "active";
      this.#entries.set(key, { ...fresh, pod, place });
      if (place === "active") this.#activate(key);
      return;
    }
    const { pod: before, place } = entry;
    entry.pod = pod;
    if (place === "gated" && !isGated(pod)) this.#activate(key);
    else if (place === "active" && priorityOf(pod) !== priorityOf(before)) this.#activate(key);
    else if (place === "unschedulable" && isChanged(pod, before)) this.#backOff(key, entry);
  }

  remove(key: string): void {
    this.#leave(key);
    this.#entries.delete(key);
  }

  /** The next pod to try; undefined once closed. For one caller at a time. */
  async next(): Promise<Pod | undefined> {
    while (!this.#closed) {
      this.#endWaits();
      const key = (this.#active.first() ?? this.#backoff.first())?.key;
      const entry = key === undefined ? undefined : this.#entries.get(key);
      if (key !== undefined && entry) {
        this.#leave(key);
        entry.place = "trying";
        entry.began = this.#sequence;
        return entry.pod;
      }
      await this.#change();
    }
    return undefined;
  }

  /** The try found no node; `helpedBy` may change that. */
  giveBackUnschedulable(key: string, helpedBy: ReadonlySet<ClusterEvent>): void {
    const entry = this.#endTry(key);
    if (!entry) return;
    for (const event of helpedBy) {
      if ((this.#happened.get(event) ?? 0) > entry.began) return this.#backOff(key, entry);
    }
    entry.place = "unschedulable";
    entry.helpedBy = helpedBy;
    this.#unschedulable.add(key);
  }

  /** The try failed for another reason than the cluster's state: a refused binding. */
  giveBackFailed(key: string): void {
    const entry = this.#endTry(key);
    if (!entry) return;
    entry.place = "failed";
    this.#failed.set(key, { untilMs: waitsUntilMs(entry), sequence: ++this.#sequence });
    this.#wake?.();
  }

  happened(event: ClusterEvent): void {
    this.#happened.set(event, ++this.#sequence);
    for (const key of this.#unschedulable) {
      const entry = this.#entries.get(key);
      if (entry?.helpedBy.has(event)) this.#backOff(key, entry);
    }
  }

  close(): void {
    this.#closed = true;
    this.#flush?.cancel();
    this.#wake?.();
  }

  #activate(key: string): void {
    const entry = this.#leave(key);
    if (!entry) return;
    entry.place = "active";
    this.#active.set(key, { priority: priorityOf(entry.pod), sequence: ++this.#sequence });
    this.#wake?.();
  }

  #backOff(key: string, entry: Entry): void {
    this.#leave(key);
    entry.place = "backoff";
    this.#backoff.set(key, { untilMs: waitsUntilMs(entry), sequence: ++this.#sequence });
    this.#wake?.();
  }

  /** Takes it out of wherever it waits. */
  #leave(key: string): Entry | undefined {
    this.#active.delete(key);
    this.#backoff.delete(key);
    this.#failed.delete(key);
    this.#unschedulable.delete(key);
    return this.#entries.get(key);
  }

  #endTry(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.place !== "trying") return undefined; // Removed meanwhile.
    entry.attempts++;
    entry.triedMs = this.#clock.monotonicMs();
    return entry;
  }

  #endWaits(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const heap of [this.#backoff, this.#failed]) {
      for (let due = heap.first(); due && due.value.untilMs <= nowMs; due = heap.first()) {
        this.#activate(due.key);
      }
    }
  }

  /** Resolves when there may be a pod to try. */
  async #change(): Promise<void> {
    const failed = this.#failed.first()?.value.untilMs;
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (failed === undefined) return;
      timer = this.#clock.schedule(failed - this.#clock.monotonicMs(), resolve);
    });
    this.#wake = undefined;
    timer?.cancel();
  }

  #scheduleFlush(): void {
    this.#flush = this.#clock.schedule(FLUSH_MS, () => {
      const limitMs = this.#clock.monotonicMs() - UNSCHEDULABLE_MAX_MS;
      for (const key of this.#unschedulable) {
        const entry = this.#entries.get(key);
        if (entry && entry.triedMs <= limitMs) this.#backOff(key, entry);
      }
      this.#scheduleFlush();
    });
  }
}

function waitsUntilMs({ attempts, triedMs }: Entry): number {
  return triedMs + Math.min(BACKOFF_FIRST_MS * 2 ** (attempts - 1), BACKOFF_MAX_MS);
}

/** Gates keep a pod from being tried at all (KEP-3521). */
function isGated({ spec }: Pod): boolean {
  return (spec?.schedulingGates ?? []).length > 0;
}

function isChanged(now: Pod, before: Pod): boolean {
  return (
    now.metadata.generation !== before.metadata.generation ||
    JSON.stringify(now.metadata.labels) !== JSON.stringify(before.metadata.labels)
  );
}
