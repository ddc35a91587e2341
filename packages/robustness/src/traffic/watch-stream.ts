/**
 * One stream of watches to one member, each watch recorded: responses go to the watch of their id,
 * those of id -1 to all of them (etcd: a progress notification for the whole stream). Ids are the
 * server's choice and the answers to creations come in the order of the creations.
 *
 * It ends when it breaks, when each of its watches is cancelled, or when nothing came for too long
 * although progress was asked for: a connection that is dead on one side says nothing.
 */
import type { WatchCreateRequest, WatchRequest, WatchResponse } from "@sagong/kv/client";
import { WatchService } from "@sagong/kv/testing";
import { type DuplexCall, RpcError } from "@sagong/rpc";
import type { RecordedWatch } from "../history/recording.js";
import { happens } from "./dice.js";
import type { TrafficClient } from "./traffic-client.js";

export interface WatchStreamOptions {
  readonly client: TrafficClient;
  readonly requests: readonly WatchCreateRequest[];
  /** How long the reader leaves each response lie. */
  readonly readDelayMs?: () => number;
  /** How often progress is asked for. */
  readonly progressMs: number;
  readonly onResponse?: (watch: OpenWatch, response: WatchResponse) => void;
}

export interface OpenWatch {
  readonly request: WatchCreateRequest;
  readonly record: RecordedWatch;
  id: number | undefined;
  /** Revision of its creation's header; undefined before. */
  createdRevision: number | undefined;
  /** Of the last bookmark: everything up to it was delivered. */
  bookmarkRevision: number;
  isCanceled: boolean;
}

/** Longer than an election and a pause; shorter than a person's patience. */
const SILENCE_MS = 8_000;
/** Of streams while clients are quiet. Less than `SILENCE_MS`: it is what they hear. */
const QUIET_PROGRESS_MS = 6_000;
/** What every reader takes for a response while readers are slow. */
const SLOW_READER_MS = 2_000;
/** Of streams that ask for progress in the same breath as for their watches. */
const PROGRESS_AT_ONCE_SHARE = 0.3;
/** etcd's id of what concerns no single watch. */
const WHOLE_STREAM = -1;

export class WatchStream {
  readonly watches: readonly OpenWatch[];
  readonly #options: WatchStreamOptions;
  readonly #call: DuplexCall<WatchRequest, WatchResponse>;
  #heardMs: number;
  #isOver = false;

  constructor(options: WatchStreamOptions) {
    const { client, requests } = options;
    const { run } = client;
    this.#options = options;
    this.#heardMs = run.nowMs;
    this.#call = client.channel().duplex(WatchService.methods.watch);
    this.watches = requests.map((request) => ({
      request,
      record: run.recorder.watch(client.asking, request),
      id: undefined,
      createdRevision: undefined,
      bookmarkRevision: 0,
      isCanceled: false,
    }));
    run.openStreams.add(this);
  }

  /** Whether every watch that lives is known to have all up to `revision`. */
  hasReached(revision: number): boolean {
    return this.watches.every(
      ({ isCanceled, bookmarkRevision }) => isCanceled || bookmarkRevision >= revision,
    );
  }

  /** Resolves when it has ended; rejects only with what is no `RpcError`. */
  async read(): Promise<void> {
    const { client } = this.#options;
    for (const { request } of this.watches) this.#send({ kind: "createRequest", value: request });
    // Asked before the history that was asked for can have come (etcd #15220).
    if (happens(client.random, PROGRESS_AT_ONCE_SHARE)) this.askProgress();
    this.#keepAskingProgress();
    try {
      for await (const response of this.#call.responses) {
        this.#heardMs = client.run.nowMs;
        this.#take(response);
        if (this.watches.every(({ isCanceled }) => isCanceled)) break;
        const delayMs = this.#readDelayMs();
        if (delayMs > 0) await client.run.sleep(delayMs);
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
    } finally {
      this.end();
    }
  }

  /** The last `end` of a watch that is waited for: nothing up to the run's last revision is missing. */
  conclude(): void {
    for (const { record, isCanceled } of this.watches) record.end({ reachedEnd: !isCanceled });
  }

  askProgress(): void {
    this.#send({ kind: "progressRequest", value: {} });
  }

  cancel(watch: OpenWatch): void {
    if (watch.id !== undefined) {
      this.#send({ kind: "cancelRequest", value: { watchId: watch.id } });
    }
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.client.run.openStreams.delete(this);
    this.#call.cancel();
  }

  #readDelayMs(): number {
    const { run } = this.#options.client;
    if (run.isStopping) return 0;
    const delayMs = this.#options.readDelayMs?.() ?? 0;
    return run.nowMs < run.slowReadersUntilMs ? Math.max(delayMs, SLOW_READER_MS) : delayMs;
  }

  #take(response: WatchResponse): void {
    const { run } = this.#options.client;
    run.newestRevision = Math.max(run.newestRevision, response.header?.revision ?? 0);
    for (const watch of this.#addressees(response)) {
      watch.record.received(response);
      const { created, canceled, events, header } = response;
      if (created) watch.createdRevision = header?.revision;
      if (canceled) watch.isCanceled = true;
      if (!created && !canceled && events.length === 0) {
        watch.bookmarkRevision = Math.max(watch.bookmarkRevision, header?.revision ?? 0);
      }
      this.#options.onResponse?.(watch, response);
    }
  }

  #addressees({ created, watchId }: WatchResponse): readonly OpenWatch[] {
    if (created) {
      const next = this.watches.find(({ createdRevision }) => createdRevision === undefined);
      if (!next) return this.#unasked(`a watch of id ${watchId} was created`);
      next.id = watchId;
      return [next];
    }
    if (watchId === WHOLE_STREAM) return this.watches.filter((watch) => isLive(watch));
    const watch = this.watches.find(({ id }) => id === watchId);
    // What was on its way when the watch was cancelled may still come (etcd acknowledges behind it).
    return watch && !watch.isCanceled ? [watch] : this.#unasked(`id ${watchId} was addressed`);
  }

  #unasked(what: string): readonly OpenWatch[] {
    const { run, member, name } = this.#options.client;
    const text = `${member} answered on a watch stream of ${name} that ${what}: nobody asked`;
    run.violations.push({ guarantee: "watch-ids", text, atMs: run.nowMs });
    return [];
  }

  #send(requestUnion: WatchRequest["requestUnion"]): void {
    // A stream that is broken says so to its reader.
    this.#call.send({ requestUnion }).catch(() => {});
  }

  /** What it asks for comes where the stream lives: so it learns, too, that it does not. */
  #keepAskingProgress(): void {
    const { progressMs, client } = this.#options;
    const { run } = client;
    const isQuiet = run.quietMs > 0;
    run.surroundings.clock.schedule(isQuiet ? QUIET_PROGRESS_MS : progressMs, () => {
      if (this.#isOver) return;
      if (run.nowMs - this.#heardMs > SILENCE_MS) return this.end();
      this.askProgress();
      this.#keepAskingProgress();
    });
  }
}

function isLive({ createdRevision, isCanceled }: OpenWatch): boolean {
  return createdRevision !== undefined && !isCanceled;
}
