/**
 * Pods that wait for a node. A pod is in one of three places:
 *
 *   active        to be tried now: by priority, then by arrival
 *   backing off   tried without success; again after 1 s doubled to 10 s
 *   unschedulable until something happens that could help, or 5 minutes are over
 *
 * What happens while a pod is being tried may help it too: it then backs off instead of being put
 * aside (`moves` counts such happenings).
 */
import type { Clock, Timer } from "@sagong/base";
import type { Pod } from "../../api/gen/core-v1.js";

export interface QueuedPod {
  readonly key: string;
  readonly pod: Pod;
}

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 10_000;
const UNSCHEDULABLE_MAX_MS = 300_000;
const FLUSH_MS = 30_000;

interface Entry {
  pod: Pod;
  attempts: number;
  place: "active" | "backoff" | "unschedulable" | "trying";
  /** When it backs off until, or since when it is unschedulable. */
  atMs: number;
  timer: Timer | undefined;
  /** `moves` when its try began. */
  movesSeen: number;
}

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Keys in order of arrival, by priority. */
  readonly #active = new Map<number, Set<string>>();
  #moves = 0;
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

  /** A new pod, or one whose spec changed: then it is tried again at once. */
  add(key: string, pod: Pod): void {
    const known = this.#entries.get(key);
    if (!known) {
      const entry: Entry = {
        pod,
        attempts: 0,
        place: "active",
        atMs: 0,
        timer: undefined,
        movesSeen: 0,
      };
      this.#entries.set(key, entry);
      this.#activate(key, entry);
      return;
    }
    const changed = known.pod.metadata.generation !== pod.metadata.generation;
    if (known.place === "active") this.#deactivate(key, known);
    known.pod = pod;
    if (known.place === "active" || (known.place === "unschedulable" && changed)) {
      this.#activate(key, known);
    }
  }

  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.timer?.cancel();
    if (entry.place === "active") this.#deactivate(key, entry);
    this.#entries.delete(key);
  }

  /** The next pod to try; undefined once closed. One caller at a time. */
  async next(): Promise<QueuedPod | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const key = this.#first();
      const entry = key === undefined ? undefined : this.#entries.get(key);
      if (key !== undefined && entry) {
        this.#deactivate(key, entry);
        entry.place = "trying";
        entry.attempts++;
        entry.movesSeen = this.#moves;
        return { key, pod: entry.pod };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The try found no node. */
  giveBackUnschedulable(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry || entry.place !== "trying") return;
    if (entry.movesSeen !== this.#moves) return this.#backOff(key, entry);
    entry.place = "unschedulable";
    entry.atMs = this.#clock.monotonicMs();
  }

  /** The try failed for another reason than the cluster's state: a refused binding. */
  giveBackFailed(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.place === "trying") this.#backOff(key, entry);
  }

  /** Something happened that may make room: nodes that came or changed, pods that went. */
  moveAll(): void {
    this.#moves++;
    for (const [key, entry] of this.#entries) {
      if (entry.place === "unschedulable") this.#backOff(key, entry, entry.atMs);
    }
  }

  close(): void {
    this.#closed = true;
    this.#flush?.cancel();
    for (const { timer } of this.#entries.values()) timer?.cancel();
    this.#wake?.();
  }

  #backOff(key: string, entry: Entry, sinceMs = this.#clock.monotonicMs()): void {
    const backoffMs = Math.min(BACKOFF_FIRST_MS * 2 ** (entry.attempts - 1), BACKOFF_MAX_MS);
    const leftMs = sinceMs + backoffMs - this.#clock.monotonicMs();
    if (leftMs <= 0) return this.#activate(key, entry);
    entry.place = "backoff";
    entry.timer = this.#clock.schedule(leftMs, () => this.#activate(key, entry));
  }

  #activate(key: string, entry: Entry): void {
    entry.timer?.cancel();
    entry.timer = undefined;
    entry.place = "active";
    const priority = entry.pod.spec?.priority ?? 0;
    const keys = this.#active.get(priority);
    if (keys) keys.add(key);
    else this.#active.set(priority, new Set([key]));
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #deactivate(key: string, entry: Entry): void {
    const priority = entry.pod.spec?.priority ?? 0;
    const keys = this.#active.get(priority);
    keys?.delete(key);
    if (keys?.size === 0) this.#active.delete(priority);
  }

  #first(): string | undefined {
    if (this.#active.size === 0) return undefined;
    const highest = Math.max(...this.#active.keys());
    return this.#active.get(highest)?.values().next().value;
  }

  #scheduleFlush(): void {
    this.#flush = this.#clock.schedule(FLUSH_MS, () => {
      const limitMs = this.#clock.monotonicMs() - UNSCHEDULABLE_MAX_MS;
      for (const [key, entry] of this.#entries) {
        if (entry.place === "unschedulable" && entry.atMs <= limitMs) this.#activate(key, entry);
      }
      this.#scheduleFlush();
    });
  }
}
