import { encodeUtf8 } from "@sagong/base";
import type { EncodedMessage } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { EventType, KeyValue } from "../gen/kv.js";
import { WatchResponse } from "../gen/rpc.js";
import type { Change } from "../mvcc/change.js";
import { EventBlock } from "../watch/event-block.js";
import { watchIdField, WatchResponses } from "./watch-response.js";

const header = (revision: number) => ({
  clusterId: 0xfedcba9876543210n,
  memberId: 5n,
  revision,
  raftTerm: 3,
});

function blockOf(revision: number, keys: readonly string[]): EventBlock {
  const changes = keys.map((key): Change => {
    const kv = KeyValue.create({ key: encodeUtf8(key), modRevision: revision });
    const event = { type: EventType.PUT, kv, prevKv: undefined };
    const bytes = KeyValue.encode(kv);
    return { key, type: EventType.PUT, revision, bytes, byteLength: bytes.length, event };
  });
  return new EventBlock(changes, { revision });
}

const watch = (id: number) => ({ id, idField: watchIdField(id) });

/** As the generated codec has the same response. */
function expected(block: EventBlock, fields: Partial<WatchResponse>): Uint8Array {
  const events = block.changes.map(({ event }) => event);
  return WatchResponse.encode(
    WatchResponse.create({ header: header(block.revision), events, ...fields }),
  );
}

describe("WatchResponses", () => {
  it("are byte for byte what the generated codec makes, whatever the id", () => {
    const responses = new WatchResponses(header);
    for (const block of [blockOf(7, ["a"]), blockOf(9, ["a", "b"])]) {
      for (const watchId of [0, 1, 127, 128, 100_000, 2 ** 40, Number.MAX_SAFE_INTEGER, -2, 0]) {
        const bytes = responses.of(block, watch(watchId)).toBytes();
        expect(bytes).toEqual(expected(block, { watchId }));
      }
    }
  });

  it("share the message among equal ids, and the events among all", () => {
    const responses = new WatchResponses(header);
    const block = blockOf(7, ["a"]);
    const first = responses.of(block, watch(0));
    expect(responses.of(block, watch(0))).toBe(first);
    expect(responses.of(block, watch(1)).parts.at(-1)).toBe(block.bytes);
    expect(responses.of(blockOf(8, ["a"]), watch(1))).not.toBe(first);
  });

  it("in fragments say so, except for the last one", () => {
    const responses = new WatchResponses(header);
    const block = blockOf(7, ["a", "b", "c"]);
    const decode = (message: EncodedMessage): WatchResponse =>
      WatchResponse.decode(message.toBytes());
    const parts = responses.fragmentsOf(block, { watch: watch(4), bytesMax: 1 }).map(decode);
    expect(parts.map(({ fragment }) => fragment)).toEqual([true, true, false]);
    expect(parts.every(({ watchId }) => watchId === 4)).toBe(true);
    const [whole] = responses.fragmentsOf(block, { watch: watch(4), bytesMax: 1_000 });
    expect(whole?.toBytes()).toEqual(expected(block, { watchId: 4 }));
  });
});
