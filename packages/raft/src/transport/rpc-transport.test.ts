import { type Logger, silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { type Channel, createChannel, createServer, implement, type RpcServer } from "@sagong/rpc";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "../core/message.js";
import type { NodeId } from "../core/types.js";
import { MessageBatch, PeerService } from "../gen/raft.js";
import { ENTRY_FORMAT } from "../storage/entry-format.js";
import { encodeMessages } from "./message-codec.js";
import { RpcTransport } from "./rpc-transport.js";

const CLUSTER = 9n;
const heartbeat = (from: NodeId, to: NodeId, round = 0): Message => ({
  kind: "heartbeat",
  from,
  to,
  term: 1,
  commit: 0,
  round,
});
const append = (prevIndex: number, bytes: number): Message => ({
  kind: "append",
  from: 1n,
  to: 2n,
  term: 1,
  prevIndex,
  prevTerm: 1,
  commit: 0,
  entries: [{ index: prevIndex + 1, term: 1, kind: "normal", data: new Uint8Array(bytes) }],
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serve(services: Parameters<typeof createServer>[0]["services"]): Promise<string> {
  const server: RpcServer = createServer({ services, maxRequestBytes: 64_000_000 });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  closers.push(() => server.close(1));
  return `http://127.0.0.1:${port}`;
}

/** Member 1 of a group of two, whose peer is at `peerUrl`. */
function member(peerUrl: string, logger: Logger = silentLogger) {
  const received: Message[] = [];
  const events: string[] = [];
  const transport = new RpcTransport(
    { clusterId: CLUSTER, nodeId: 1n, peers: [{ nodeId: 2n, url: peerUrl }] },
    { clock: realClock(), logger },
  );
  transport.start({
    receive: (message) => received.push(message),
    receiveSnapshot: () => Promise.resolve(),
    unreachable: () => events.push("unreachable"),
    reachable: () => events.push("reachable"),
  });
  closers.push(() => transport.close());
  return { transport, received, events };
}

describe("RpcTransport, receiving", () => {
  let channel: Channel;
  let warnings: Record<string, unknown>[];
  let received: Message[];

  beforeEach(async () => {
    warnings = [];
    const warn = (_text: string, fields: Record<string, unknown> = {}): void => {
      warnings.push(fields);
    };
    // Nobody listens at the peer's address: only what comes in matters here.
    const one = member("http://127.0.0.1:9", { ...silentLogger, warn });
    received = one.received;
    channel = createChannel({ endpoint: await serve([one.transport.service]) });
    closers.push(() => channel.close());
  });

  const exchange = (first: Partial<MessageBatch> = {}) => {
    const call = channel.duplex(PeerService.methods.exchange);
    void call.send(MessageBatch.create({ clusterId: CLUSTER, format: ENTRY_FORMAT, ...first }));
    return { call, responses: call.responses[Symbol.asyncIterator]() };
  };

  it("takes messages of its peers for itself", async () => {
    const { call, responses } = exchange();
    await responses.next();
    await call.send(encodeMessages([heartbeat(2n, 1n)]));
    await vi.waitFor(() => expect(received).toEqual([heartbeat(2n, 1n)]));
    call.cancel();
  });

  it("drops those of strangers, of itself and for others, and says so ever more rarely", async () => {
    const { call, responses } = exchange();
    await responses.next();
    const foreign = [heartbeat(3n, 1n), heartbeat(1n, 1n), heartbeat(2n, 7n), heartbeat(0n, 1n)];
    await call.send(encodeMessages([...foreign, ...foreign, heartbeat(2n, 1n)]));
    await vi.waitFor(() => expect(received).toHaveLength(1));
    expect(warnings.map(({ dropped }) => dropped)).toEqual([1, 2, 4, 8]);
    expect(warnings[0]).toMatchObject({ from: "3", to: "1", kind: "heartbeat" });
    call.cancel();
  });

  it("refuses a stream of another cluster, and one with entries of another format", async () => {
    await expect(exchange({ clusterId: 8n }).responses.next()).rejects.toThrow(
      "cluster ID mismatch: the peer is of 8, this member of 9",
    );
    await expect(exchange({ format: 0 }).responses.next()).rejects.toThrow(
      "the peer's entries are of format 0, this member's of 2",
    );
    expect(received).toEqual([]);
  });

  it("refuses an image of a stranger", async () => {
    const call = channel.duplex(PeerService.methods.installSnapshot);
    const snapshot = { index: 5, term: 1, voters: [1n] };
    const header = { clusterId: CLUSTER, from: 3n, to: 1n, term: 1, snapshot };
    void call.send({ header, data: new Uint8Array(0) });
    await expect(call.responses[Symbol.asyncIterator]().next()).rejects.toThrow(
      "an image of member 3 for 1: expected one of a peer, for 1",
    );
  });
});

describe("RpcTransport, sending", () => {
  /** A peer that takes batches while its gate is open. */
  async function peer() {
    const batches: MessageBatch[] = [];
    const gate = { open: (): void => {}, opened: Promise.resolve() };
    const service = implement(PeerService, {
      async *exchange(requests) {
        yield {};
        for await (const batch of requests) {
          batches.push(batch);
          await gate.opened;
        }
      },
      async *installSnapshot() {
        yield {};
      },
    });
    const shut = (): void => {
      gate.opened = new Promise((resolve) => {
        gate.open = resolve;
      });
    };
    return { url: await serve([service]), batches, gate, shut };
  }
  const kinds = (batches: readonly MessageBatch[]): number[] =>
    batches.map(({ messages }) => messages.length);

  it("sends what it is given at once in one batch, and names cluster and format first", async () => {
    const { url, batches } = await peer();
    const { transport } = member(url);
    await vi.waitFor(() => expect(transport.isReachable(2n)).toBe(true));
    transport.send([append(0, 10), append(1, 10_000), heartbeat(1n, 2n)]);
    await vi.waitFor(() => expect(kinds(batches)).toEqual([0, 3]));
    expect(batches[0]).toMatchObject({ clusterId: CLUSTER, format: ENTRY_FORMAT });
  });

  it("is not held up by a peer that stops reading, and drops what is beyond its limits", async () => {
    const { url, shut, batches } = await peer();
    shut();
    const { transport, events } = member(url);
    await vi.waitFor(() => expect(transport.isReachable(2n)).toBe(true));
    let sent = 0;
    while (!events.includes("unreachable") && sent < 100)
      transport.send([append(sent++, 1_000_000)]);
    // What the queue holds, what the stream was handed, and not much more.
    expect(sent).toBeGreaterThan(16);
    expect(sent).toBeLessThan(24);
    expect(batches.length).toBeLessThan(3);
  });

  it("lets a heartbeat pass megabytes of appends that wait", async () => {
    const { url, shut, gate, batches } = await peer();
    shut();
    const { transport } = member(url);
    await vi.waitFor(() => expect(transport.isReachable(2n)).toBe(true));
    for (let i = 0; i < 12; i++) transport.send([append(i, 1_000_000)]);
    transport.send([heartbeat(1n, 2n, 77)]);
    gate.open();
    await vi.waitFor(() => expect(batches.flatMap(({ messages }) => messages)).toHaveLength(13), {
      timeout: 10_000,
    });
    const rounds = batches.flatMap(({ messages }) => messages.map(({ context }) => context));
    expect(rounds.indexOf(77)).toBeLessThan(6);
  });

  it("ends the stream of an image that breaks off: its peer does nothing else meanwhile", async () => {
    const ends: string[] = [];
    const service = implement(PeerService, {
      async *exchange() {
        yield {};
      },
      async *installSnapshot(chunks) {
        try {
          for await (const { data } of chunks) if (data.length > 0) ends.push("data");
          ends.push("whole");
        } catch {
          ends.push("broken");
        }
        yield {};
      },
    });
    const { transport } = member(await serve([service]));
    const metadata = { index: 5, term: 1, confState: { voters: [1n, 2n] } };
    const chunks = (async function* () {
      yield Uint8Array.of(1);
      await vi.waitFor(() => expect(ends).toEqual(["data"]));
      throw new Error("EIO: i/o error, read");
    })();
    const image = { from: 1n, to: 2n, term: 1, metadata, chunks };
    await expect(transport.sendSnapshot(image, new AbortController().signal)).rejects.toThrow(
      "EIO",
    );
    await vi.waitFor(() => expect(ends).toEqual(["data", "broken"]));
  });

  it("says why it cannot reach a peer, once it has tried for a while", async () => {
    const told: Record<string, unknown>[] = [];
    const warn = (text: string, fields: Record<string, unknown> = {}): void => {
      if (text === "cannot reach a peer") told.push(fields);
    };
    member("http://127.0.0.1:9", { ...silentLogger, warn });
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), { timeout: 20_000 });
    expect(told[0]).toMatchObject({ peer: "2", attempts: 8 });
    expect(String(told[0]?.["error"])).toContain("ECONNREFUSED");
  });
});
