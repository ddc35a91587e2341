/** What faults of the group "service" ask clients to do: much at once, large, or late. */
import { encodeUtf8 } from "@sagong/base";
import { WatchCreateRequest } from "@sagong/kv/testing";
import { between, happens } from "./dice.js";
import { KV_PREFIX, KV_PREFIX_END, kvKey } from "./kv-request.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";
import { WatchStream } from "./watch-stream.js";

/** As many clients of etcd's own kind share a connection; each stream has so many watches. */
const WATCHES_PER_STREAM = 250;
const PROGRESS_MS = 5_000;
const KEYS = 20;
const KIB = 1024;
/** Mostly what takes a few packets to send; sometimes around etcd's limit of 1.5 MiB: some are refused. */
const LARGE_KIB: readonly [number, number] = [50, 300];
const HUGE_KIB: readonly [number, number] = [1_300, 1_700];
const HUGE_SHARE = 0.25;
const TOO_LARGE_KIB = 1_700;
const LARGE_PAUSE_MS = 700;

/** `operations` puts at once, on connections to all members. Resolves when all have ended. */
export async function burst(
  run: TrafficRun,
  { name, operations }: { readonly name: string; readonly operations: number },
): Promise<void> {
  const clients = run.surroundings.members.map(
    (_, i) => new TrafficClient(`${name}.${i + 1}`, run),
  );
  await Promise.all(
    Array.from({ length: operations }, async (_, i) => {
      const client = clients[i % clients.length] as TrafficClient; // There is a member.
      const value = run.uniqueValue(client.name);
      await client.perform({ kind: "put", key: `burst/${i % KEYS}`, value });
    }),
  );
  await Promise.all(clients.map((client) => client.close()));
}

/** `operations` puts on one member, one every `everyMs`, whether or not those before are answered. */
export async function writesAt(
  run: TrafficRun,
  options: {
    readonly name: string;
    readonly member: string;
    readonly operations: number;
    readonly everyMs: number;
  },
): Promise<void> {
  const { name, member, operations, everyMs } = options;
  const client = new TrafficClient(name, run);
  const asking = { client: name, member, channel: client.channel(member) };
  const puts: Promise<unknown>[] = [];
  for (let i = 0; i < operations && !run.isStopping; i++) {
    const value = run.uniqueValue(name);
    const put = { kind: "put", key: `burst/${i % KEYS}`, value } as const;
    puts.push(run.recorder.perform(asking, put, { timeoutMs: client.timeoutMs() }));
    await run.sleep(everyMs);
  }
  await Promise.all(puts);
  await client.close();
}

/** Values beyond the limit of a request (the first) and up to it, one after the other, for `durationMs`. */
export async function largeRequests(
  run: TrafficRun,
  { name, durationMs }: { readonly name: string; readonly durationMs: number },
): Promise<void> {
  const client = new TrafficClient(name, run);
  const untilMs = run.nowMs + durationMs;
  for (let i = 0; run.nowMs < untilMs && !run.isStopping; i++) {
    const sizeBytes = (i === 0 ? TOO_LARGE_KIB : largeKib(client)) * KIB;
    const value = run.uniqueValue(name, sizeBytes);
    await client.perform({ kind: "put", key: `large/${i % 2}`, value });
    await client.pause(LARGE_PAUSE_MS);
  }
  // They would make every later image and read of the run a large one.
  await client.perform({ kind: "delete", key: "large/", rangeEnd: "large0" });
  await client.close();
}

function largeKib({ random }: TrafficClient): number {
  return between(random, happens(random, HUGE_SHARE) ? HUGE_KIB : LARGE_KIB);
}

/** `count` watchers, a tenth of them of many keys, which come at once and go after `durationMs`. */
export async function manyWatchers(
  run: TrafficRun,
  options: { readonly name: string; readonly count: number; readonly durationMs: number },
): Promise<void> {
  const { name, count, durationMs } = options;
  const client = new TrafficClient(name, run);
  const streams: WatchStream[] = [];
  for (let left = count; left > 0; left -= WATCHES_PER_STREAM) {
    const requests = Array.from({ length: Math.min(left, WATCHES_PER_STREAM) }, () =>
      anyWatch(client),
    );
    streams.push(new WatchStream({ client, requests, progressMs: PROGRESS_MS }));
    client.leave();
  }
  const timer = run.surroundings.clock.schedule(durationMs, () => {
    for (const stream of streams) stream.end();
  });
  await Promise.all(streams.map((stream) => stream.read()));
  timer.cancel();
  await client.close();
}

function anyWatch({ random }: TrafficClient): WatchCreateRequest {
  const isWide = happens(random, 0.1);
  return WatchCreateRequest.create({
    key: encodeUtf8(isWide ? KV_PREFIX : kvKey(between(random, [0, KEYS]))),
    rangeEnd: encodeUtf8(isWide ? KV_PREFIX_END : ""),
  });
}
