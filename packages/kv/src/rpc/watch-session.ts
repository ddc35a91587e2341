/**
 * One watch stream: the watches that its client has made, by id, and the responses that go back.
 * All of etcd's watch rules that are about the stream live here (ids, order of answers, progress,
 * fragments); which event concerns which watcher is the watchable store's.
 *
 * WS1 the `created` answer is queued before the watcher exists, so it precedes every event of it,
 *     and creates are answered in the order in which they came.
 * WS2 events, cancellations and progress of one stream leave in the order in which they happened:
 *     there is one way out. So a progress answer is never ahead of events (etcd #15220).
 * WS3 events are refused while too much waits for the client, here or in the whole member: the
 *     watcher then falls behind and is brought up later. Answers to the client's own requests are
 *     always taken, and held back at their source: no request is read meanwhile (`room`).
 */
import type { Clock, Random, Timer } from "@sagong/base";
import { compareBytes, randomBelow } from "@sagong/base";
import { type EncodedMessage, Outbox } from "@sagong/rpc";
import {
  FilterType,
  type WatchCreateRequest,
  type WatchRequest,
  WatchResponse,
  type ResponseHeader,
} from "../gen/rpc.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { type KeyRange, keyRange } from "../mvcc/key-index.js";
import type { EventBlock } from "../watch/event-block.js";
import type { WatchableStore } from "../watch/watchable-store.js";
import { Watcher, type WatcherOptions, type WatchSink } from "../watch/watcher.js";
import type { WatchBudget } from "./watch-budget.js";
import { watchIdField, type WatchResponses } from "./watch-response.js";

export interface WatchSessionDependencies {
  readonly watchable: WatchableStore;
  readonly revision: () => number;
  readonly header: (revision: number) => ResponseHeader;
  readonly responses: WatchResponses;
  /** What all streams together may have waiting. */
  readonly budget: WatchBudget;
  /** Some watcher may be behind: have it caught up. */
  readonly wakeCatchUp: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly progressNotifyIntervalMs: number;
  /** Events of one response are split at this size where the client asked for fragments. */
  readonly fragmentBytes: number;
  /** The stream has ended, however. */
  readonly onClosed?: (session: WatchSession) => void;
}

interface WatchOptions extends WatcherOptions {
  readonly id: number;
  readonly requestedStart: number;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
}

class Watch extends Watcher {
  readonly id: number;
  readonly idField: Uint8Array;
  /** As the client gave it; 0: from now on. No progress is told before it (etcd #20221). */
  readonly requestedStart: number;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  /** Whether an event was sent since the last look of the progress timer. */
  active = false;

  constructor(options: WatchOptions) {
    super(options);
    this.id = options.id;
    this.idField = watchIdField(options.id);
    this.requestedStart = options.requestedStart;
    this.progressNotify = options.progressNotify;
    this.fragment = options.fragment;
  }
}

/** etcd's id of "no watch" and of "all watches of this stream". */
const NO_WATCH = -1;
/** Watches of one stream; every one costs memory for as long as the stream lives. */
const WATCHES_MAX = 100_000;
/** Of responses that wait for a slow client. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** Responses that wait: they share their events, but each has a head of its own. */
const WAITING_RESPONSES_MAX = 16_384;

export class WatchSession implements WatchSink {
  /** Where the responses leave; it ends when the stream does. */
  readonly outbox: Outbox<WatchResponse>;
  readonly #dependencies: WatchSessionDependencies;
  readonly #watches = new Map<number, Watch>();
  /** Taken in this turn. */
  #taken: EncodedMessage[] = [];
  #takenBytes = 0;
  /** What the member's budget was told to be waiting here. */
  #countedBytes = 0;
  #nextId = 0;
  #closed = false;
  #progressTimer: Timer | undefined;
  #isProgressWanted = false;
  #onRoom: (() => void) | undefined;

  constructor(dependencies: WatchSessionDependencies) {
    this.#dependencies = dependencies;
    this.outbox = new Outbox({
      onRoom: () => this.#hasRoom(),
      onClosed: () => this.#close(),
    });
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  /** Watches that are behind. */
  get slowCount(): number {
    let count = 0;
    for (const watch of this.#watches.values()) {
      if (!this.#dependencies.watchable.isNearlyCurrent(watch)) count++;
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

  /** Resolves when responses may be added, or the stream has ended. */
  async room(): Promise<void> {
    while (this.isFull && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }

  // ── For the watchable store ──────────────────────────────────────────────────────────────────

  get isFull(): boolean {
    const { outbox } = this;
    const bytes = outbox.waitingBytes + this.#takenBytes;
    if (bytes === 0) return false;
    return (
      bytes >= WAITING_BYTES_MAX ||
      outbox.waitingCount + this.#taken.length >= WAITING_RESPONSES_MAX ||
      this.#dependencies.budget.isSpent
    );
  }

  offer(watcher: Watcher, block: EventBlock): boolean {
    if (this.isFull) return false;
    const watch = watcher as Watch; // A session makes no others.
    watch.active = true;
    const { responses, fragmentBytes } = this.#dependencies;
    if (watch.fragment && block.bytes.length > fragmentBytes) {
      const parts = responses.fragmentsOf(block, { watch, bytesMax: fragmentBytes });
      for (const part of parts) this.#take(part);
    } else {
      this.#take(responses.of(block, watch));
    }
    return true;
  }

  flush(): void {
    if (this.#taken.length === 0) return;
    const taken = this.#taken;
    this.#taken = [];
    this.#takenBytes = 0;
    this.outbox.send(taken);
    this.#count();
  }

  onCompacted(watcher: Watcher, compactRevision: number): void {
    const { id: watchId } = watcher as Watch; // As above.
    this.#watches.delete(watchId);
    // Clients know this end by its compact_revision, its empty reason, and no revision in its header.
    const header = this.#dependencies.header(0);
    this.#answer(WatchResponse.create({ header, watchId, canceled: true, compactRevision }));
  }

  // ── Requests ─────────────────────────────────────────────────────────────────────────────────

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
    const { prevKv, progressNotify, fragment, filters } = request;
    const watch = new Watch({
      id,
      range: rangeOf(request),
      startRevision: start,
      prevKv,
      noPut: filters.includes(FilterType.NOPUT),
      noDelete: filters.includes(FilterType.NODELETE),
      sink: this,
      requestedStart: Math.max(0, request.startRevision),
      progressNotify,
      fragment,
    });
    this.#watches.set(id, watch);
    watchable.create(watch);
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
    this.#dependencies.watchable.cancel(watch);
    this.#send(id, { canceled: true });
  }

  /** WatchProgressRequest: answered once for the stream, if every watch has everything. */
  #progress(): void {
    if (this.#watches.size === 0 || this.#isProgressWanted) return;
    const { watchable, revision } = this.#dependencies;
    for (const watch of this.#watches.values()) {
      if (revision() < watch.requestedStart || !watchable.isNearlyCurrent(watch)) return;
    }
    // Events that are being delivered go first; in the meantime anything may have happened.
    this.#isProgressWanted = true;
    watchable.whenCurrent(() => {
      this.#isProgressWanted = false;
      if (this.#closed) return;
      for (const watch of this.#watches.values()) if (!this.#isCurrent(watch)) return;
      this.#send(NO_WATCH, {});
    });
  }

  #isCurrent(watch: Watch): boolean {
    const { watchable, revision } = this.#dependencies;
    return revision() >= watch.requestedStart && watchable.isCurrent(watch);
  }

  #send(watchId: number, fields: Partial<WatchResponse>): void {
    const header = this.#dependencies.header(this.#dependencies.revision());
    this.#answer(WatchResponse.create({ ...fields, header, watchId }));
  }

  /** Behind the events that were taken, with which it leaves. */
  #answer(response: WatchResponse): void {
    this.flush();
    this.outbox.send([response]);
    this.#count();
  }

  #take(response: EncodedMessage): void {
    this.#taken.push(response);
    this.#takenBytes += response.byteLength;
  }

  /** Tells the budget what waits here now. */
  #count(): void {
    const bytes = this.outbox.waitingBytes;
    if (bytes === this.#countedBytes) return;
    this.#dependencies.budget.add(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }

  #hasRoom(): void {
    this.#count();
    this.#onRoom?.();
    this.#onRoom = undefined;
    if (this.#dependencies.watchable.hasBehind) this.#dependencies.wakeCatchUp();
  }

  #close(): void {
    this.#closed = true;
    this.#progressTimer?.cancel();
    this.#taken = [];
    this.#takenBytes = 0;
    this.#dependencies.budget.add(-this.#countedBytes);
    this.#countedBytes = 0;
    for (const watch of this.#watches.values()) this.#dependencies.watchable.cancel(watch);
    this.#watches.clear();
    this.#onRoom?.();
    this.#dependencies.onClosed?.(this);
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
      if (quiet && this.#isCurrent(watch)) this.#send(id, {});
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
