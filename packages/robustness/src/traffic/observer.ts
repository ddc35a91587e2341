/**
 * Watches everything from the first revision to the last, with previous values, wherever it has to
 * go for that: the full history of events, by which other clients are judged. Compactions wait for it
 * (compaction-client.ts), so that it can always go on where it stopped.
 */
import { encodeUtf8 } from "@sagong/base";
import type { WatchResponse } from "@sagong/kv/client";
import { WatchCreateRequest } from "@sagong/kv/testing";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";
import { WatchStream } from "./watch-stream.js";

const FIRST_REVISION = 1;
const RETRY_MS = 100;
const PROGRESS_MS = 500;

export async function runObserver(run: TrafficRun): Promise<void> {
  const client = new TrafficClient("observer", run);
  let next = FIRST_REVISION;
  while (!run.isOver) {
    const request = WatchCreateRequest.create({
      key: encodeUtf8("\0"),
      rangeEnd: encodeUtf8("\0"),
      startRevision: next,
      prevKv: true,
      progressNotify: true,
    });
    const onResponse = (_: unknown, { events, canceled, compactRevision }: WatchResponse): void => {
      const last = events.at(-1)?.kv?.modRevision ?? 0;
      next = Math.max(next, last + 1);
      run.observedRevision = Math.max(run.observedRevision, last);
      if (!canceled) return;
      const text = `the observer's watch from ${next} was cancelled by ${client.member}: compacted at ${compactRevision}, which nobody asked for`;
      run.violations.push({ guarantee: "watch-resumable", text, atMs: run.nowMs });
    };
    await new WatchStream({
      client,
      requests: [request],
      progressMs: PROGRESS_MS,
      onResponse,
    }).read();
    client.leave();
    await run.sleep(RETRY_MS);
  }
  await client.close();
}
