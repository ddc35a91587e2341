/** What a client makes of members that answer, close or break in unusual ways. */
import { encodeUtf8 } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { createMemoryChannel, implement, RpcError, StatusCode } from "@sagong/rpc";
import { describe, expect, it, vi } from "vitest";
import { Event, KeyValue } from "../gen/kv.js";
import { KvService, PutResponse, ResponseHeader, WatchResponse, WatchService } from "../gen/rpc.js";
import { createStoreClient } from "./create-store-client.js";

const clock = realClock();

/** A member whose puts are counted and answered by `put`. */
function member(put: () => Promise<PutResponse>) {
  const counted = { puts: 0 };
  const refuse = (): never => {
    throw new RpcError(StatusCode.unimplemented, "not for this test");
  };
  const service = implement(KvService, {
    range: refuse,
    deleteRange: refuse,
    txn: refuse,
    compact: refuse,
    put: () => {
      counted.puts++;
      return put();
    },
  });
  const channel = createMemoryChannel([service], { clock });
  return { counted, channel };
}

const unavailable = (message: string) => () =>
  Promise.reject(new RpcError(StatusCode.unavailable, message));
const never = (): Promise<never> => new Promise(() => {});
const answered = (): Promise<PutResponse> => Promise.resolve(PutResponse.create());

describe("put() of a client with several members", () => {
  it("is tried at the next member where it surely was not sent", async () => {
    const [first, second] = [
      member(unavailable("No connection established. Last error: connect ECONNREFUSED")),
      member(answered),
    ];
    const client = createStoreClient({ channels: [first.channel, second.channel] }, { clock });
    await client.put({ key: encodeUtf8("a") });
    expect([first.counted.puts, second.counted.puts]).toEqual([1, 1]);
    await client.close();
  });

  it.each(["Connection dropped", "etcdserver: request timed out", "read ECONNRESET"])(
    "is not done twice where the first may have done it (%s)",
    async (message) => {
      const [first, second] = [member(unavailable(message)), member(answered)];
      const client = createStoreClient({ channels: [first.channel, second.channel] }, { clock });
      await expect(client.put({ key: encodeUtf8("a") })).rejects.toThrow(message);
      expect([first.counted.puts, second.counted.puts]).toEqual([1, 0]);
      await client.close();
    },
  );

  it("is not done twice where the channel is closed while it is under way", async () => {
    const [first, second] = [member(never), member(answered)];
    const client = createStoreClient({ channels: [first.channel, second.channel] }, { clock });
    const put = client.put({ key: encodeUtf8("a") }).then(String, String);
    await vi.waitFor(() => expect(first.counted.puts).toBe(1));
    await first.channel.close();
    expect(await put).toContain("the channel was closed");
    expect(second.counted.puts).toBe(0);
    await client.close();
  });
});

describe("watch() of a client whose connection breaks", () => {
  /** A member that answers one watch with `responses`, then breaks; notes where watches start. */
  function watchMember(responses: readonly Partial<WatchResponse>[]) {
    const starts: number[] = [];
    const service = implement(WatchService, {
      watch: async function* (requests) {
        for await (const { requestUnion } of requests) {
          if (requestUnion?.kind !== "createRequest") continue;
          starts.push(requestUnion.value.startRevision);
          if (starts.length > 1) await never();
          for (const response of responses) yield WatchResponse.create(response);
          throw new RpcError(StatusCode.unavailable, "the connection broke");
        }
      },
    });
    return { starts, channel: createMemoryChannel([service], { clock }) };
  }
  const header = (revision: number): ResponseHeader => ResponseHeader.create({ revision });
  const event = (modRevision: number): Event =>
    Event.create({ kv: KeyValue.create({ key: encodeUtf8("a"), modRevision }) });

  async function startsOf(responses: readonly Partial<WatchResponse>[], startRevision?: number) {
    const { starts, channel } = watchMember(responses);
    const client = createStoreClient({ channels: [channel] }, { clock });
    const abort = new AbortController();
    const revisions: number[] = [];
    const spec = { key: encodeUtf8("a"), signal: abort.signal };
    const run = (async () => {
      const watch = client.watch(startRevision === undefined ? spec : { ...spec, startRevision });
      for await (const { revision } of watch) revisions.push(revision);
    })();
    await vi.waitFor(() => expect(starts).toHaveLength(2));
    abort.abort();
    await run;
    await client.close();
    return { again: starts[1], revisions };
  }

  it("goes on behind the last event, though the header of a late watch is ahead of it", async () => {
    const responses = [
      { created: true, header: header(100) },
      { header: header(100), events: [event(5), event(6)] },
    ];
    expect(await startsOf(responses, 5)).toEqual({ again: 7, revisions: [6] });
  });

  it("goes on behind a progress notification", async () => {
    const responses = [
      { created: true, header: header(9) },
      { header: header(12), events: [event(12)] },
      { header: header(20) },
    ];
    expect(await startsOf(responses)).toEqual({ again: 21, revisions: [12, 20] });
  });

  it("misses nothing that comes between its creation and its first event", async () => {
    expect(await startsOf([{ created: true, header: header(9) }])).toEqual({
      again: 10,
      revisions: [],
    });
  });
});
