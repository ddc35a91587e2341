/** Windows of a few bytes, and thousands of streams that wait for them. */
import { describe, expect, it } from "vitest";
import { OK, RawClient } from "../../src/http2/testing/raw-client.js";
import { settings, windowUpdate } from "../support/frame-bytes.js";

/** Streams with more to send than the connection's window lets them. */
function waiting(streams: number): RawClient {
  const client = new RawClient().open().raw(settings([4, 1_000_000]));
  for (let i = 0; i < streams; i++) {
    client.request(2 * i + 1);
    client.connection.respond(2 * i + 1, OK, { endStream: false, isShared: true });
    client.connection.send(2 * i + 1, new Uint8Array(20_000));
    client.read().forget();
  }
  return client;
}

/** Which streams got something, in order. */
function served(client: RawClient): number[] {
  return client.frames.flatMap((frame) => (frame.kind === "data" ? [frame.streamId] : []));
}

describe("a connection's window that opens byte by byte", () => {
  it("serves all streams in turn, not one until it is done", () => {
    const client = waiting(20);
    for (let i = 0; i < 60; i++) client.raw(windowUpdate(0, 1));
    const turns = served(client);
    const streams = new Set(turns);
    expect(streams.size).toBeGreaterThanOrEqual(16); // Some had all their data sent before.
    // Each round has every stream once.
    for (let i = streams.size; i < turns.length; i++) {
      expect(turns[i]).toBe(turns[i - streams.size]);
    }
  });

  it("costs much the same for each update, however many streams wait", () => {
    const [few, many] = [waiting(100), waiting(10_000)];
    const batchMs = (client: RawClient): number => {
      const before = performance.now();
      for (let i = 0; i < 100; i++) client.forget().raw(windowUpdate(0, 1));
      return performance.now() - before;
    };
    let [fewMs, manyMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = 0; i < 8; i++) {
      fewMs = Math.min(fewMs, batchMs(few));
      manyMs = Math.min(manyMs, batchMs(many));
    }
    // A look at every stream for each update made it a hundredfold.
    expect(manyMs / fewMs).toBeLessThan(25);
  });

  it("ends of streams that have nothing else to send do not wait for it", () => {
    const client = waiting(10).request(101);
    client.connection.respond(101, OK, { endStream: false });
    client.connection.endWithTrailers(101, [{ name: "a", value: "b" }], { isShared: false });
    expect(client.read().frames.at(-1)).toMatchObject({ streamId: 101, endStream: true });
    expect(client.connection.isOpen(101)).toBe(false);
  });

  it("a stream that is reset leaves the line, and the others keep their turns", () => {
    const client = waiting(12);
    for (const id of [15, 17, 19]) client.connection.reset(id, 8);
    client.read().forget();
    for (let i = 0; i < 20; i++) client.raw(windowUpdate(0, 1));
    for (const id of [15, 17, 19]) expect(served(client)).not.toContain(id);
    expect(new Set(served(client)).size).toBeGreaterThanOrEqual(5);
  });
});

describe("a stream's window that opens byte by byte", () => {
  it("gets each byte, and the end behind the last one", () => {
    const client = new RawClient().open([{ id: 4, value: 0 }]).request(1);
    client.connection.respond(1, OK, { endStream: false });
    client.connection.send(
      1,
      Uint8Array.from({ length: 300 }, (_, i) => i),
    );
    client.connection.endWithTrailers(1, [{ name: "a", value: "b" }], { isShared: false });
    client.read().forget();
    for (let i = 0; i < 300; i++) client.raw(windowUpdate(1, 1));
    const bytes = client.frames.flatMap((frame) => (frame.kind === "data" ? [...frame.data] : []));
    expect(bytes).toEqual(Array.from({ length: 300 }, (_, i) => i & 0xff));
    expect(client.frames.at(-1)).toMatchObject({ kind: "headers", endStream: true });
  });
});
