/** What one watch delivers, up to a last event that the caller makes. */
import { decodeUtf8 } from "@sagong/base";
import type { Event } from "@sagong/kv/client";
import { WatchCreateRequest, WatchService } from "@sagong/kv/testing";
import type { Channel } from "@sagong/rpc";

const LIMIT_MS = 20_000;

/** Ends with the first event of `type` under `lastKey`. Rejects where the watch is canceled. */
export async function watchedEvents(
  channel: Channel,
  create: Partial<WatchCreateRequest>,
  last: { readonly key: string; readonly type: number },
): Promise<readonly Event[]> {
  const call = channel.duplex(WatchService.methods.watch, {
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const value = WatchCreateRequest.create(create);
  await call.send({ requestUnion: { kind: "createRequest", value } });
  const events: Event[] = [];
  try {
    for await (const response of call.responses) {
      if (response.canceled) throw new Error(`the watch was canceled: ${response.cancelReason}`);
      events.push(...response.events);
      const isLast = response.events.some(
        ({ type, kv }) => type === last.type && kv && decodeUtf8(kv.key) === last.key,
      );
      if (isLast) return events;
    }
  } finally {
    call.cancel();
  }
  throw new Error("the watch ended before its last event");
}
