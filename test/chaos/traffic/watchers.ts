/**
 * Watches over the wire itself, written down as they are answered: a broken one is another record
 * when it comes back, from behind the last event that it had. An observer sees all keys at one
 * member, from before the first write to the end; passers-by watch a little, some of the time, with
 * every option there is.
 */
import { encodeUtf8, prefixEnd, type Random, randomBelow, seededRandom } from "@sagong/base";
import { FilterType, WatchCreateRequest, WatchService } from "@sagong/kv/testing";
import type { HistoryRecorder, RecordedWatch } from "@sagong/robustness";
import { type Channel, RpcError } from "@sagong/rpc";
import { until } from "../../support/until.js";
import type { ChaosCluster } from "../cluster.js";
import type { ChaosMember } from "../member.js";
import { PREFIX } from "./choose-request.js";
import { interruptibleWait } from "./interruptible-wait.js";

const FIRST_REVISION = 1;
/** As key and as end of the range (etcd's API). */
const ALL_KEYS = new Uint8Array(1);
const PAUSE_AFTER_BREAK_MS = 100;
/** A connection that is silent for so long, although progress is to be told, is given up. */
const SILENCE_LIMIT_MS = 10_000;
const PASSING_MS_MAX = 12_000;

export interface WatcherOptions {
  readonly cluster: ChaosCluster;
  readonly member: ChaosMember;
  readonly recorder: HistoryRecorder;
}

export class Observer {
  readonly #options: WatcherOptions;
  readonly #channel: Channel;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #record: RecordedWatch | undefined;
  /** Of the last event. */
  #revision = 0;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#channel = options.cluster.channel(options.member);
    this.#running = this.#run();
  }

  get member(): ChaosMember {
    return this.#options.member;
  }

  /** Its name in the history. */
  get client(): string {
    return `observer-${this.member.name}`;
  }

  /** Resolves when the event of this revision has come. */
  async reach(revision: number, limitMs: number): Promise<void> {
    await until(
      `the observer of ${this.member.name} sees revision ${revision}`,
      limitMs,
      async () => {
        if (this.#revision < revision) throw new Error(`it is at ${this.#revision}`);
      },
    );
    this.#record?.end({ reachedEnd: true });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#channel.close();
  }

  async #run(): Promise<void> {
    const { member, recorder } = this.#options;
    const { signal } = this.#stopping;
    let startRevision = FIRST_REVISION;
    while (!signal.aborted) {
      const request = WatchCreateRequest.create({
        key: ALL_KEYS,
        rangeEnd: ALL_KEYS,
        startRevision,
        prevKv: true,
        progressNotify: true,
      });
      const record = recorder.watch({ client: this.client, member: member.name }, request);
      this.#record = record;
      const compacted = await follow(this.#channel, { request, record, signal }, (revision) => {
        this.#revision = revision;
      });
      startRevision = Math.max(this.#revision + 1, compacted);
      await interruptibleWait(PAUSE_AFTER_BREAK_MS, signal);
    }
  }
}

/** One passer-by after the other, at one member. */
export class PassersBy {
  readonly #options: WatcherOptions & { readonly seed: number };
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: WatcherOptions & { readonly seed: number }) {
    this.#options = options;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { cluster, member, recorder, seed } = this.#options;
    const random = seededRandom(seed);
    const channel = cluster.channel(member);
    const client = `passer-by-${member.name}`;
    let seen = FIRST_REVISION;
    while (!this.#stopping.signal.aborted) {
      const request = randomWatch(random, seen);
      const record = recorder.watch({ client, member: member.name }, request);
      const passing = AbortSignal.timeout(1000 + randomBelow(random, PASSING_MS_MAX));
      const signal = AbortSignal.any([this.#stopping.signal, passing]);
      const compacted = await follow(channel, { request, record, signal }, (revision) => {
        seen = revision;
      });
      seen = Math.max(seen, compacted);
      await interruptibleWait(PAUSE_AFTER_BREAK_MS, this.#stopping.signal);
    }
    await channel.close();
  }
}

/** Somewhere between the last event seen and a little ahead of it, or "from now on". */
function randomWatch(random: Random, seen: number): WatchCreateRequest {
  const key = encodeUtf8(randomBelow(random, 3) === 0 ? `${PREFIX}kv/1` : `${PREFIX}kv/`);
  const starts = [0, seen, seen + 1, seen + 50];
  const filters = [[], [], [FilterType.NOPUT], [FilterType.NODELETE]];
  return WatchCreateRequest.create({
    key,
    rangeEnd: prefixEnd(key),
    startRevision: starts[randomBelow(random, starts.length)] ?? 0,
    prevKv: randomBelow(random, 2) === 0,
    progressNotify: randomBelow(random, 2) === 0,
    fragment: randomBelow(random, 2) === 0,
    filters: filters[randomBelow(random, filters.length)] ?? [],
  });
}

/** Until the watch breaks, is canceled or aborted. Resolves with the compacted revision, or 0. */
async function follow(
  channel: Channel,
  watch: {
    readonly request: WatchCreateRequest;
    readonly record: RecordedWatch;
    readonly signal: AbortSignal;
  },
  onRevision: (revision: number) => void,
): Promise<number> {
  const { request, record, signal } = watch;
  const call = channel.duplex(WatchService.methods.watch, { signal });
  // An open watch on a dead link says nothing: whoever asked for progress knows.
  const silence = request.progressNotify
    ? setTimeout(() => call.cancel(), SILENCE_LIMIT_MS)
    : undefined;
  try {
    await call.send({ requestUnion: { kind: "createRequest", value: request } });
    for await (const response of call.responses) {
      silence?.refresh();
      record.received(response);
      const last = response.events.at(-1)?.kv?.modRevision;
      if (last !== undefined) onRevision(last);
      if (response.canceled) return response.compactRevision;
    }
    return 0;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return 0;
  } finally {
    clearTimeout(silence);
    call.cancel();
  }
}
