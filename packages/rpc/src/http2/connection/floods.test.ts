import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../frames/error-code.js";
import { DEFAULT_FRAME_BYTES } from "../frames/frame.js";
import type { FrameWriter } from "../frames/frame-writer.js";
import { fieldsOf, GET, OK, RawClient } from "../testing/raw-client.js";
import { DEFAULT_LIMITS } from "./limits.js";

const PING = new Uint8Array(8);
const { resets, settings, idleFrames, fieldBlockBytesMax, continuationFramesMax } = DEFAULT_LIMITS;

/** How many of the same frames it takes until the connection says ENHANCE_YOUR_CALM. */
function framesUntilCalm(client: RawClient, write: (writer: FrameWriter) => void): number {
  for (let frames = 1; frames < 100_000; frames++) {
    client.write(write);
    if (client.goaway === ErrorCode.enhanceYourCalm) return frames;
    client.forget();
  }
  return Number.POSITIVE_INFINITY;
}

describe("ServerConnection under attack", () => {
  it("rapid reset (CVE-2023-44487): streams that the client resets are limited", () => {
    const client = new RawClient().open();
    let streams = 0;
    while (client.goaway === undefined && streams < 10_000) {
      const streamId = 2 * streams++ + 1;
      client.request(streamId).write((writer) => writer.rstStream(streamId, ErrorCode.cancel));
    }
    expect(streams).toBe(resets.burst + 1);
    expect(client.goaway).toBe(ErrorCode.enhanceYourCalm);
  });

  it("made you reset (CVE-2025-8671): streams that the client makes us reset are limited", () => {
    const client = new RawClient().open();
    let streams = 0;
    while (client.goaway === undefined && streams < 10_000) {
      client.request(2 * streams++ + 1, { fields: fieldsOf({ bad: "1" }) });
    }
    expect(streams).toBe(resets.burst + 1);
  });

  it("resets in moderation are free: tokens come back with time", () => {
    const client = new RawClient().open();
    for (let streams = 0; streams < 3 * resets.burst; streams++) {
      const streamId = 2 * streams + 1;
      client.request(streamId).write((writer) => writer.rstStream(streamId, ErrorCode.cancel));
      client.clock.advance(1_000 / resets.perSecond);
    }
    expect(client.goaway).toBeUndefined();
  });

  it("PING flood (CVE-2019-9512) ends the connection", () => {
    const client = new RawClient().open();
    const frames = framesUntilCalm(client, (writer) => writer.ping(PING, { isAck: false }));
    expect(frames).toBeLessThanOrEqual(idleFrames.burst + 1);
  });

  it("SETTINGS flood (CVE-2019-9515) ends the connection", () => {
    const client = new RawClient().open();
    expect(framesUntilCalm(client, (writer) => writer.settings([]))).toBe(settings.burst);
  });

  it("WINDOW_UPDATE, PRIORITY and empty DATA floods end it (CVE-2019-9511, -9513, -9518)", () => {
    const priority = Uint8Array.of(0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 16);
    const floods: ((writer: FrameWriter) => void)[] = [
      (writer) => writer.windowUpdate(0, 1),
      (writer) => writer.windowUpdate(1, 1),
      (writer) => writer.raw(priority),
      (writer) => writer.data(1, new Uint8Array(0), { endStream: false }),
      (writer) => writer.raw(Uint8Array.of(0, 0, 0, 0xfa, 0, 0, 0, 0, 0)),
    ];
    for (const flood of floods) {
      const client = new RawClient().open().request(1, { endStream: false });
      expect(framesUntilCalm(client, flood)).toBeLessThanOrEqual(idleFrames.burst + 1);
    }
  });

  it("window updates and PINGs of a client that works are free", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    for (let i = 0; i < 3 * idleFrames.burst; i++) {
      client.data(1, 1);
      client.connection.consume(1, 1);
      client.write((writer) => writer.windowUpdate(1, 1));
      client.write((writer) => writer.ping(PING, { isAck: false })).forget();
    }
    expect(client.connection.isClosed).toBe(false);
  });

  it("CONTINUATION flood (CVE-2024-27316): frames and bytes of a field block are limited", () => {
    const block = new Uint8Array(10 * fieldBlockBytesMax);
    const flood = (frameBytesMax: number): RawClient =>
      new RawClient()
        .open()
        .write((writer) => writer.headers(1, block, { endStream: true, frameBytesMax }));
    expect(flood(1).goaway).toBe(ErrorCode.enhanceYourCalm);
    expect(flood(DEFAULT_FRAME_BYTES).goaway).toBe(ErrorCode.enhanceYourCalm);
    const empty = Uint8Array.of(0, 0, 0, 9, 0, 0, 0, 0, 1);
    const client = new RawClient().open().raw(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 1));
    for (let i = 0; i < continuationFramesMax; i++) client.raw(empty);
    expect(client.goaway).toBeUndefined();
    expect(client.raw(empty).goaway).toBe(ErrorCode.enhanceYourCalm);
  });

  it("keeps its invariants and throws nothing, whatever comes in whatever order", () => {
    const id = fc.constantFrom(0, 1, 2, 3, 5, 7);
    const frame = fc.oneof(
      id.map((streamId) => (c: RawClient) => c.request(streamId, { endStream: false })),
      id.map((streamId) => (c: RawClient) => c.request(streamId, { fields: fieldsOf({ a: "b" }) })),
      fc.tuple(id, fc.nat(20_000), fc.boolean()).map(
        ([streamId, bytes, end]) =>
          (c: RawClient) =>
            c.data(streamId, bytes, end),
      ),
      fc.tuple(id, fc.nat(2 ** 31 - 1)).map(
        ([streamId, increment]) =>
          (c: RawClient) =>
            c.write((writer) => writer.windowUpdate(streamId, increment)),
      ),
      id.map(
        (streamId) => (c: RawClient) => c.write((w) => w.rstStream(streamId, ErrorCode.cancel)),
      ),
      fc
        .array(fc.record({ id: fc.nat(7), value: fc.nat(70_000) }))
        .map((list) => (c: RawClient) => c.write((writer) => writer.settings(list))),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => (c: RawClient) => c.raw(bytes)),
      id.map((streamId) => (c: RawClient) => {
        if (c.connection.isOpen(streamId)) c.connection.respond(streamId, OK, { endStream: true });
      }),
      fc.constant((c: RawClient) => c.connection.shutdown()),
    );
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), (steps) => {
        const client = new RawClient({ streamsMax: 3 }).open();
        const answered = new Set<number>();
        for (const step of steps) {
          step(client);
          client.read();
          expect(client.connection.openStreams).toBeLessThanOrEqual(3);
        }
        for (const event of client.events) {
          if (event.kind !== "request") continue;
          expect(answered.has(event.streamId)).toBe(false);
          answered.add(event.streamId);
        }
        const closed = client.eventKinds.indexOf("closed");
        expect([-1, client.events.length - 1]).toContain(closed);
        expect(client.connection.isClosed).toBe(closed >= 0);
      }),
      { numRuns: 400 },
    );
  });

  it("honest use of everything stays within the limits", () => {
    const client = new RawClient().open();
    for (let i = 0; i < 5_000; i++) {
      client.request(2 * i + 1, { fields: GET }).forget();
      client.connection.respond(2 * i + 1, OK, { endStream: true });
    }
    expect(client.read().connection.isClosed).toBe(false);
  });
});
