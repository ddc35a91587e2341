/**
 * Writes a history down while it happens: who called what and when, what was answered, what watches
 * brought, what became of leases. For clients under simulation as for clients of real processes: time
 * is a parameter, and the order of calls and returns is the order in which this recorder is told.
 *
 * It owns the counter of moments (H1): one recorder for all clients of a run. What is still under way
 * when the history is taken stands in it with an unknown outcome.
 */
import { decodeUtf8 } from "@sagong/base";
import { EventType, type Event, type WatchResponse } from "@sagong/kv/client";
import { FilterType, type WatchCreateRequest } from "@sagong/kv/testing";
import { type CallOptions, type Channel, RpcError } from "@sagong/rpc";
import { callStore, outcomeOf } from "./call-store.js";
import type {
  History,
  KvRequest,
  KvResponse,
  LeaseRecord,
  Operation,
  Outcome,
  WatchAnswer,
  WatchEvent,
  WatchRecord,
} from "./history.js";
import { SharedValues } from "./shared-values.js";
import { pairOf, revisionOf } from "./wire.js";

export interface RecorderOptions {
  /** The observer's clock: simulated or real, monotonic. */
  readonly nowMs: () => number;
}

/** Who asks, and which member. */
export interface Asking {
  readonly client: string;
  readonly member: string;
}

export class HistoryRecorder {
  readonly #nowMs: () => number;
  readonly #operations: PendingOperation[] = [];
  readonly #watches: RecordedWatch[] = [];
  readonly #leases: RecordedLease[] = [];
  readonly #values = new SharedValues();
  #moment = 0;

  constructor({ nowMs }: RecorderOptions) {
    this.#nowMs = nowMs;
  }

  get operationCount(): number {
    return this.#operations.length;
  }

  /** The history so far; what is recorded later is not in it. */
  get history(): History {
    return {
      operations: this.#operations.map((operation) => operation.record),
      watches: this.#watches.map((watch) => watch.record),
      leases: this.#leases.map((lease) => lease.record),
    };
  }

  /** The request goes out now. */
  call(asking: Asking, request: KvRequest): PendingOperation {
    const operation = new PendingOperation(() => this.#now(), asking, request);
    this.#operations.push(operation);
    return operation;
  }

  /**
   * Does `request` over `channel` and records it. The outcome is returned, never thrown, unless it is
   * no `RpcError`: then something is wrong with us.
   */
  async perform(
    asking: Asking & { readonly channel: Channel },
    request: KvRequest,
    options?: CallOptions,
  ): Promise<Outcome> {
    const { client, member, channel } = asking;
    const operation = this.call({ client, member }, request);
    try {
      return operation.answered(await callStore(channel, request, options));
    } catch (error) {
      return operation.failed(error);
    }
  }

  /** The watch's request goes out now. A client that comes back after a break records another. */
  watch(asking: Asking, request: WatchCreateRequest): RecordedWatch {
    const watch = new RecordedWatch(
      { now: () => this.#now(), values: this.#values },
      asking,
      request,
    );
    this.#watches.push(watch);
    return watch;
  }

  /** The grant's request goes out now. `id` is the client's choice, so that it is known at once. */
  lease(lease: {
    readonly client: string;
    readonly id: bigint;
    readonly ttlMs: number;
  }): RecordedLease {
    const recorded = new RecordedLease(() => this.#nowMs(), lease);
    this.#leases.push(recorded);
    return recorded;
  }

  #now(): Moment {
    return { at: ++this.#moment, ms: this.#nowMs() };
  }
}

interface Moment {
  readonly at: number;
  readonly ms: number;
}

/** One call that is under way, until one of its three ends is told. Only the first end counts. */
export class PendingOperation {
  readonly #now: () => Moment;
  #record: Operation;
  #isOver = false;

  constructor(now: () => Moment, { client, member }: Asking, request: KvRequest) {
    this.#now = now;
    const { at, ms } = now();
    this.#record = {
      client,
      member,
      calledAt: at,
      calledMs: ms,
      returnedAt: undefined,
      returnedMs: undefined,
      request,
      outcome: { kind: "unknown", error: "no answer yet" },
    };
  }

  get record(): Operation {
    return this.#record;
  }

  answered(response: KvResponse): Outcome {
    return this.#end({ kind: "answered", response });
  }

  /** Throws `error` where it is no `RpcError`. */
  failed(error: unknown): Outcome {
    if (!(error instanceof RpcError)) throw error;
    return this.#end(outcomeOf(error));
  }

  #end(outcome: Outcome): Outcome {
    if (this.#isOver) return this.#record.outcome;
    this.#isOver = true;
    const { at, ms } = this.#now();
    const isKnown = outcome.kind !== "unknown";
    // Of an unknown outcome nothing returned: the effect may come at any later time.
    const { client, member, calledAt, calledMs, request } = this.#record;
    this.#record = {
      client,
      member,
      calledAt,
      calledMs,
      returnedAt: isKnown ? at : undefined,
      returnedMs: isKnown ? ms : undefined,
      request,
      outcome,
    };
    return outcome;
  }
}

/** One watcher: tell it each response of its id, and those of id -1, which are for the whole stream. */
export class RecordedWatch {
  readonly #now: () => Moment;
  readonly #values: SharedValues;
  readonly #responses: WatchAnswer[] = [];
  readonly #request: Omit<WatchRecord, "responses" | "reachedEnd">;
  #reachedEnd = false;

  constructor(
    { now, values }: { readonly now: () => Moment; readonly values: SharedValues },
    { client, member }: Asking,
    request: WatchCreateRequest,
  ) {
    this.#now = now;
    this.#values = values;
    const { rangeEnd } = request;
    const { at, ms } = now();
    this.#request = {
      client,
      member,
      key: decodeUtf8(request.key),
      ...(rangeEnd.length > 0 && { rangeEnd: decodeUtf8(rangeEnd) }),
      startRevision: request.startRevision,
      prevKv: request.prevKv,
      progressNotify: request.progressNotify,
      fragment: request.fragment,
      filters: request.filters.map((filter) => (filter === FilterType.NOPUT ? "put" : "delete")),
      createdMs: ms,
      createdAt: at,
    };
  }

  get record(): WatchRecord {
    return { ...this.#request, responses: [...this.#responses], reachedEnd: this.#reachedEnd };
  }

  /** The highest revision of an event so far, 0 without one: a client that comes back goes on there. */
  get lastEventRevision(): number {
    const last = this.#responses.findLast(({ events }) => events.length > 0)?.events.at(-1);
    return last ? eventRevision(last) : 0;
  }

  received(response: WatchResponse): WatchAnswer {
    const { at, ms } = this.#now();
    const answer = watchAnswer(response, { at, ms }, this.#values);
    this.#responses.push(answer);
    return answer;
  }

  /** All faults were over, and the watcher was waited for until it had all: nothing may be missing. */
  end(how: { readonly reachedEnd: boolean }): void {
    this.#reachedEnd = how.reachedEnd;
  }
}

export function eventRevision(event: WatchEvent): number {
  return event.kind === "put" ? event.kv.modRevision : event.modRevision;
}

function watchAnswer(
  response: WatchResponse,
  { at, ms }: Moment,
  values: SharedValues,
): WatchAnswer {
  const { created, canceled, cancelReason: reason, compactRevision, fragment } = response;
  const answer: WatchAnswer = {
    atMs: ms,
    at,
    headerRevision: revisionOf(response.header),
    events: response.events.map((event) => eventOf(event, values)),
  };
  if (!created && !canceled && !fragment) return answer;
  return {
    ...answer,
    ...(created && { created }),
    ...(canceled && { canceled: { reason, compactRevision } }),
    ...(fragment && { fragment }),
  };
}

function eventOf({ type, kv, prevKv }: Event, values: SharedValues): WatchEvent {
  if (!kv) throw new Error("Cannot record an event without a key");
  const previous = prevKv && pairOf(prevKv, values.textOf(prevKv));
  if (type === EventType.PUT) {
    const put = pairOf(kv, values.textOf(kv));
    return previous ? { kind: "put", kv: put, prevKv: previous } : { kind: "put", kv: put };
  }
  const key = decodeUtf8(kv.key);
  const { modRevision } = kv;
  return previous
    ? { kind: "delete", key, modRevision, prevKv: previous }
    : { kind: "delete", key, modRevision };
}

type Renewal = LeaseRecord["renewals"][number];

/** One lease, by its owner. */
export class RecordedLease {
  readonly #nowMs: () => number;
  readonly #keys: string[] = [];
  readonly #renewals: Renewal[] = [];
  readonly #client: string;
  readonly #id: string;
  readonly #grantCalledMs: number;
  #ttlMs: number;
  #grantedMs: number | undefined;
  #revoke: LeaseRecord["revoke"];

  constructor(
    nowMs: () => number,
    lease: { readonly client: string; readonly id: bigint; readonly ttlMs: number },
  ) {
    this.#nowMs = nowMs;
    this.#client = lease.client;
    this.#id = lease.id.toString();
    this.#ttlMs = lease.ttlMs;
    this.#grantCalledMs = nowMs();
  }

  get record(): LeaseRecord {
    return {
      id: this.#id,
      client: this.#client,
      ttlMs: this.#ttlMs,
      grantCalledMs: this.#grantCalledMs,
      grantedMs: this.#grantedMs,
      renewals: [...this.#renewals],
      ...(this.#revoke && { revoke: this.#revoke }),
      keys: [...this.#keys],
    };
  }

  /** `ttlMs` as answered: the store may give more than was asked for. */
  granted({ ttlMs }: { readonly ttlMs: number }): void {
    this.#ttlMs = ttlMs;
    this.#grantedMs = this.#nowMs();
  }

  /** A renewal goes out now; call what it returns with the answer, 0 where the lease is gone. */
  renew(): (answer: { readonly ttlMs: number }) => void {
    const place = this.#renewals.length;
    const calledMs = this.#nowMs();
    this.#renewals.push({ calledMs, answeredMs: undefined, ttlMs: undefined });
    return ({ ttlMs }) => {
      this.#renewals[place] = { calledMs, answeredMs: this.#nowMs(), ttlMs };
    };
  }

  /** The revocation goes out now; call what it returns when it is acknowledged. */
  revoke(): () => void {
    const calledMs = this.#nowMs();
    this.#revoke = { calledMs, answeredMs: undefined };
    return () => {
      this.#revoke = { calledMs, answeredMs: this.#nowMs() };
    };
  }

  /** A put of `key` with this lease was acknowledged. */
  attached(key: string): void {
    this.#keys.push(key);
  }
}
