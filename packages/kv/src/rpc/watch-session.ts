/**
 * One watch stream: the watches that its client has made, by id, and the responses that go back.
 * All of etcd's watch rules that are about the stream live here (ids, order of answers, progress,
 * fragments); which event concerns which watcher is the watchable store's.
 *
 * WS1 the `created` answer is queued before the watcher exists, so it precedes every event of it,
 *     and creates are answered in the order in which they came.
 * WS2 events, cancellations and progress of one stream leave in the order in which they happened:
 *     there is one queue. So a progress answer is never ahead of events (etcd #15220).
 */
import type { Clock, Random, Timer } from "@sagong/base";
import { compareBytes, randomBelow } from "@sagong/base";
import type { Event } from "../gen/kv.js";
import {
  FilterType,
  type ResponseHeader,
  type WatchCreateRequest,
  type WatchRequest,
  WatchResponse,
} from "../gen/rpc.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { type KeyRange, keyRange } from "../mvcc/key-index.js";
import type { WatchableStore } from "../watch/watchable-store.js";
import type { WatchBatch, Watcher } from "../watch/watcher.js";
import { eventBytes, WatchQueue } from "./watch-queue.js";

export interface WatchSessionDependencies {
  readonly watchable: WatchableStore;
  readonly revision: () => number;
  readonly header: (revision: number) => ResponseHeader;
  /** Some watcher may be behind: have it caught up. */
  readonly wakeCatchUp: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly progressNotifyIntervalMs: number;
  /** Events of one response are split at this size where the client asked for fragments. */
  readonly fragmentBytes: number;
}

interface Watch {
  readonly watcher: Watcher;
  /** As the client gave it; 0: from now on. No progress is told before it (etcd #20221). */
  readonly requestedStart: number;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  /** Whether an event was sent since the last look of the progress timer. */
  active: boolean;
}

/** etcd's id of "no watch" and of "all watches of this stream". */
const NO_WATCH = -1;
/** Watches of one stream; every one costs memory for as long as the stream lives. */
const WATCHES_MAX = 100_000;

export class WatchSession {
  readonly queue: WatchQueue;
  readonly #dependencies: WatchSessionDependencies;
  readonly #watches = new Map<number, Watch>();
  #nextId = 0;
  #closed = false;
  #progressTimer: Timer | undefined;

  constructor(dependencies: WatchSessionDependencies) {
    this.#dependencies = dependencies;
    this.queue = new WatchQueue(dependencies.wakeCatchUp);
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  /** Watches that are behind. */
  get slowCount(): number {
    let count = 0;
    for (const { watcher } of this.#watches.values()) {
      if (!this.#dependencies.watchable.isCurrent(watcher)) count++;
    }
    return count;
  }

  handle({ requestUnion }: WatchRequest): void {
    if (this.#closed) return;
    switch (requestUnion?.kind) {
      case "createRequest":
        return this.#create(requestUnion.value);
      case "cancelRequest":
        return this.#cancel(requestUnion.value.watchId);
      case "progressRequest":
        return this.#progress();
      case undefined:
        return; // As etcd: a request that says nothing is passed over.
    }
  }

  close(): void {
    this.#closed = true;
    this.#progressTimer?.cancel();
    for (const { watcher } of this.#watches.values()) this.#dependencies.watchable.cancel(watcher);
    this.#watches.clear();
  }

  #create(request: WatchCreateRequest): void {
    const { revision, watchable } = this.#dependencies;
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#send(NO_WATCH, { created: true, canceled: true, cancelReason: refusal });
      return;
    }
    const id = request.watchId === 0 ? this.#freeId() : request.watchId;
    this.#send(id, { created: true });
    const start = request.startRevision > 0 ? request.startRevision : revision() + 1;
    const watcher = watchable.create({
      range: rangeOf(request),
      startRevision: start,
      prevKv: request.prevKv,
      noPut: request.filters.includes(FilterType.NOPUT),
      noDelete: request.filters.includes(FilterType.NODELETE),
      sink: (batch) => this.#deliver(id, batch),
      onCompacted: (compactRevision) => this.#compacted(id, compactRevision),
    });
    const { progressNotify, fragment } = request;
    const requestedStart = Math.max(0, request.startRevision);
    this.#watches.set(id, { watcher, requestedStart, progressNotify, fragment, active: false });
    if (progressNotify) this.#startProgressTimer();
    if (start <= revision()) this.#dependencies.wakeCatchUp();
  }

  /** etcd's text for a watch that cannot be made; undefined where it can. */
  #refusal(request: WatchCreateRequest): string | undefined {
    const { key, rangeEnd, watchId } = request;
    if (request.startRevision < 0) return "mvcc: required revision has been compacted";
    const open = rangeEnd.length === 1 && rangeEnd[0] === 0;
    if (rangeEnd.length > 0 && !open && compareBytes(keyOf(key), rangeEnd) >= 0) {
      return "mvcc: watcher range is empty";
    }
    if (watchId !== 0 && this.#watches.has(watchId)) {
      return "mvcc: duplicate watch ID provided on the WatchStream";
    }
    if (this.#watches.size >= WATCHES_MAX) {
      return `too many watches on this stream, expected at most ${WATCHES_MAX}`;
    }
    return undefined;
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(id: number): void {
    const watch = this.#watches.get(id);
    if (!watch) return; // As etcd: it may have been cancelled from this side meanwhile.
    this.#watches.delete(id);
    this.#dependencies.watchable.cancel(watch.watcher);
    this.#send(id, { canceled: true });
  }

  #compacted(id: number, compactRevision: number): void {
    this.#watches.delete(id);
    // Clients know this end by its compact_revision, its empty reason, and no revision in its header.
    const header = this.#dependencies.header(0);
    this.queue.push(WatchResponse.create({ header, watchId: id, canceled: true, compactRevision }));
  }

  /** WatchProgressRequest: answered once for the stream, if every watch has everything. */
  #progress(): void {
    if (this.#watches.size === 0) return;
    const revision = this.#dependencies.revision();
    for (const watch of this.#watches.values()) if (!this.#isCurrent(watch, revision)) return;
    this.#send(NO_WATCH, {});
  }

  #isCurrent({ watcher, requestedStart }: Watch, revision: number): boolean {
    return revision >= requestedStart && this.#dependencies.watchable.isCurrent(watcher);
  }

  #deliver(id: number, { events, revision }: WatchBatch): boolean {
    if (this.queue.isFull) return false;
    const watch = this.#watches.get(id);
    if (watch) watch.active = true;
    const header = this.#dependencies.header(revision);
    const parts = watch?.fragment ? fragments(events, this.#dependencies.fragmentBytes) : [events];
    for (const [i, part] of parts.entries()) {
      const fragment = i < parts.length - 1;
      this.queue.push(WatchResponse.create({ header, watchId: id, events: part, fragment }));
    }
    return true;
  }

  #send(watchId: number, fields: Partial<WatchResponse>): void {
    const header = this.#dependencies.header(this.#dependencies.revision());
    this.queue.push(WatchResponse.create({ ...fields, header, watchId }));
  }

  /** One timer a stream. Up to a tenth is added so that streams do not all speak at once. */
  #startProgressTimer(): void {
    const { clock, random, progressNotifyIntervalMs } = this.#dependencies;
    const jitterMs = randomBelow(random, Math.max(1, Math.floor(progressNotifyIntervalMs / 10)));
    this.#progressTimer ??= clock.schedule(progressNotifyIntervalMs + jitterMs, () => {
      this.#progressTimer = undefined;
      this.#notifyProgress();
    });
  }

  #notifyProgress(): void {
    let wanted = false;
    for (const [id, watch] of this.#watches) {
      if (!watch.progressNotify) continue;
      wanted = true;
      const quiet = !watch.active;
      watch.active = false;
      if (quiet && this.#isCurrent(watch, this.#dependencies.revision())) this.#send(id, {});
    }
    if (wanted) this.#startProgressTimer();
  }
}

/** etcd: no key at all means from the first possible one. */
function keyOf(key: Uint8Array): Uint8Array {
  return key.length === 0 ? new Uint8Array(1) : key;
}

function rangeOf({ key, rangeEnd }: WatchCreateRequest): KeyRange {
  return keyRange(toBinaryString(keyOf(key)), toBinaryString(rangeEnd));
}

/** Parts of at most `bytes`, except for a single larger event: that one is never split. */
function fragments(events: readonly Event[], bytes: number): readonly (readonly Event[])[] {
  const parts: Event[][] = [];
  let part: Event[] = [];
  let size = 0;
  for (const event of events) {
    const own = eventBytes(event);
    if (part.length > 0 && size + own > bytes) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push(event);
    size += own;
  }
  parts.push(part);
  return parts;
}
