/**
 * A client that watches: for a while, then something else. It opens one to three watches on a stream,
 * of any kind; when that breaks it goes on at another member where it stopped (behind the last event,
 * or behind the last bookmark: both must do), and now and then it reads late.
 */
import { encodeUtf8 } from "@sagong/base";
import { FilterType, WatchCreateRequest } from "@sagong/kv/testing";
import { between, happens, oneOf, weighted } from "./dice.js";
import { KV_PREFIX, KV_PREFIX_END, kvKey } from "./kv-request.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";
import { type OpenWatch, WatchStream } from "./watch-stream.js";

export interface WatchClientOptions {
  readonly name: string;
  readonly run: TrafficRun;
  readonly keys: number;
  readonly isSlow: boolean;
}

/** Everything that there is (etcd: from the first key on). */
const ALL_KEYS = "\0";
const RETRY_MS: readonly [number, number] = [50, 500];
/** Mean time until it wants other watches. */
const NEW_WATCH_MS = 200;
/** How long the same watches are wanted. */
const WANTED_MS: readonly [number, number] = [4_000, 40_000];
const PROGRESS_MS: readonly [number, number] = [300, 3_000];
/** A slow reader leaves each response lie so long. */
const SLOW_MS: readonly [number, number] = [100, 1_500];
/** Starts ahead of the store, few enough to be reached before the end. */
const FUTURE_REVISIONS: readonly [number, number] = [1, 12];

export async function runWatchClient(options: WatchClientOptions): Promise<void> {
  const { name, run, isSlow } = options;
  const client = new TrafficClient(name, run);
  const { random } = client;
  while (!run.isStopping) {
    const wantedUntilMs = run.nowMs + between(random, WANTED_MS);
    let requests: readonly WatchCreateRequest[] = newRequests(client, options);
    while (requests.length > 0 && !run.isOver) {
      const stream = new WatchStream({
        client,
        requests,
        progressMs: between(random, PROGRESS_MS),
        ...(isSlow && { readDelayMs: () => between(random, SLOW_MS) }),
      });
      const over = run.surroundings.clock.schedule(Math.max(0, wantedUntilMs - run.nowMs), () => {
        if (!run.isStopping) giveUp(client, stream);
      });
      await stream.read();
      over.cancel();
      const isWanted = run.isStopping || run.nowMs < wantedUntilMs;
      requests = isWanted ? continued(client, stream) : [];
      client.leave();
      await run.sleep(between(random, RETRY_MS));
    }
    await client.rest(NEW_WATCH_MS);
  }
  await client.close();
}

/** By a cancellation of each, acknowledged or not, or by ending the call. */
function giveUp({ random }: TrafficClient, stream: WatchStream): void {
  if (happens(random, 0.5)) return stream.end();
  for (const watch of stream.watches) stream.cancel(watch);
}

/** Where those that lived go on. One that was cancelled (compacted) is given up. */
function continued({ random }: TrafficClient, stream: WatchStream): WatchCreateRequest[] {
  return stream.watches
    .filter(({ isCanceled }) => !isCanceled)
    .map((watch) => ({ ...watch.request, startRevision: nextRevision(watch, random) }));
}

function nextRevision(watch: OpenWatch, random: TrafficClient["random"]): number {
  const { request, record, bookmarkRevision, createdRevision } = watch;
  const seen = record.lastEventRevision;
  const byBookmark = happens(random, 0.5) ? bookmarkRevision : 0;
  if (Math.max(seen, byBookmark) > 0) {
    return Math.max(seen + 1, byBookmark + 1, request.startRevision);
  }
  // Nothing came: from where it was created, if it was to start there.
  if (request.startRevision > 0 || createdRevision === undefined) return request.startRevision;
  return createdRevision + 1;
}

function newRequests(client: TrafficClient, { keys }: WatchClientOptions): WatchCreateRequest[] {
  const count = weighted(client.random, { one: 6, two: 2, three: 1 });
  return Array.from({ length: { one: 1, two: 2, three: 3 }[count] }, () => {
    const request = newRequest(client, { keys });
    client.run.watchedFromRevision = Math.max(
      client.run.watchedFromRevision,
      request.startRevision,
    );
    return request;
  });
}

function newRequest(
  client: TrafficClient,
  { keys }: { readonly keys: number },
): WatchCreateRequest {
  const { random } = client;
  const [key, rangeEnd] = oneOf(random, [
    [KV_PREFIX, KV_PREFIX_END],
    [KV_PREFIX, KV_PREFIX_END],
    [kvKey(between(random, [0, keys - 1])), ""],
    [kvKey(0), kvKey(Math.ceil(keys / 2))],
    [ALL_KEYS, ALL_KEYS],
    ["l", "m"], // Leases and locks.
  ] as const);
  return WatchCreateRequest.create({
    key: encodeUtf8(key),
    rangeEnd: encodeUtf8(rangeEnd),
    startRevision: startRevision(client),
    prevKv: happens(random, 0.5),
    progressNotify: happens(random, 0.5),
    fragment: happens(random, 0.3),
    filters: happens(random, 0.8) ? [] : [oneOf(random, [FilterType.NOPUT, FilterType.NODELETE])],
  });
}

function startRevision({ random, run }: TrafficClient): number {
  const { newestRevision, compactedRevision } = run;
  switch (weighted(random, { now: 4, past: 4, compaction: 2, compacted: 1, future: 1 })) {
    case "now":
      return 0;
    case "past":
      return between(random, [Math.max(1, compactedRevision + 1), newestRevision + 1]);
    case "compaction":
      return Math.max(1, compactedRevision); // Still to be had (etcd #19179).
    case "compacted":
      return Math.max(1, compactedRevision - between(random, [1, 5]));
    case "future":
      return newestRevision + between(random, FUTURE_REVISIONS);
  }
}
