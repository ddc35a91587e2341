import { concatBytes, toHex } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionError, ErrorCode } from "./error-code.js";
import { DEFAULT_FRAME_BYTES, type Frame } from "./frame.js";
import { FrameParser } from "./frame-parser.js";
import { FrameWriter } from "./frame-writer.js";

function framesOf(chunks: readonly Uint8Array[], frameBytesMax = DEFAULT_FRAME_BYTES): Frame[] {
  const parser = new FrameParser({ frameBytesMax });
  const frames: Frame[] = [];
  for (const chunk of chunks) parser.parse(chunk, (frame) => frames.push(frame));
  return frames;
}

const streamId = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const uint32 = fc.nat(2 ** 32 - 1);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 4_000, max: 5_000 }).map((length) => new Uint8Array(length).fill(length)),
);

/** A frame with how it is written. */
const written: fc.Arbitrary<{ frame: Frame; write: (writer: FrameWriter) => void }> = fc.oneof(
  fc.tuple(streamId, bytes, fc.boolean()).map(([id, data, endStream]) => ({
    frame: {
      kind: "data" as const,
      streamId: id,
      data,
      flowBytes: data.length,
      endStream,
    },
    write: (writer: FrameWriter) => writer.data(id, data, { endStream }),
  })),
  fc.tuple(streamId, bytes, fc.boolean()).map(([id, fragment, endStream]) => ({
    frame: { kind: "headers" as const, streamId: id, fragment, endStream, endHeaders: true },
    write: (writer: FrameWriter) =>
      writer.headers(id, fragment, { endStream, frameBytesMax: DEFAULT_FRAME_BYTES }),
  })),
  fc.tuple(streamId, fc.integer({ min: 1, max: 2 ** 31 - 1 })).map(([id, increment]) => ({
    frame: { kind: "window-update" as const, streamId: id, increment },
    write: (writer: FrameWriter) => writer.windowUpdate(id, increment),
  })),
  fc
    .array(fc.record({ id: fc.integer({ min: 6, max: 0xffff }), value: uint32 }))
    .map((settings) => ({
      frame: { kind: "settings" as const, settings },
      write: (writer: FrameWriter) => writer.settings(settings),
    })),
  fc.tuple(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.boolean()).map(([data, isAck]) => ({
    frame: { kind: "ping" as const, isAck, data },
    write: (writer: FrameWriter) => writer.ping(data, { isAck }),
  })),
  fc.tuple(streamId, bytes).map(([lastStreamId, debug]) => ({
    frame: { kind: "goaway" as const, lastStreamId, errorCode: 11 },
    write: (writer: FrameWriter) => writer.goaway(lastStreamId, ErrorCode.enhanceYourCalm, debug),
  })),
  fc.tuple(streamId).map(([id]) => ({
    frame: { kind: "rst-stream" as const, streamId: id, errorCode: 8 },
    write: (writer: FrameWriter) => writer.rstStream(id, ErrorCode.cancel),
  })),
  fc.constant({
    frame: { kind: "settings-ack" as const },
    write: (writer: FrameWriter) => writer.settingsAck(),
  }),
);

/** Bytes as text, which is compared much faster. */
function plain(frame: Frame): unknown {
  return Object.fromEntries(
    Object.entries(frame).map(([key, value]) => [
      key,
      value instanceof Uint8Array ? toHex(value) : value,
    ]),
  );
}

/** The same bytes, cut at any places. */
function cut(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set([0, ...places.map((place) => place % (whole.length + 1)), whole.length])];
  at.sort((a, b) => a - b);
  return at.slice(1).map((end, i) => whole.slice(at[i], end));
}

describe("FrameParser.parse()", () => {
  it("gives what FrameWriter wrote, however the bytes are cut", () => {
    const places = fc.array(fc.nat(100_000), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(written, { maxLength: 12 }), places, (list, cuts) => {
        const writer = new FrameWriter();
        for (const { write } of list) write(writer);
        const pending = writer.pendingBytes;
        const whole = concatBytes(writer.take());
        expect(whole.length).toBe(pending);
        expect(writer.pendingBytes).toBe(0);
        expect(framesOf(cut(whole, cuts)).map(plain)).toEqual(
          list.map(({ frame }) => plain(frame)),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("takes byte after byte", () => {
    const writer = new FrameWriter();
    writer.settingsAck();
    writer.data(1, Uint8Array.of(1, 2, 3), { endStream: false });
    writer.settingsAck();
    const whole = concatBytes(writer.take());
    const frames = framesOf([...whole].map((byte) => Uint8Array.of(byte)));
    expect(frames.map(({ kind }) => kind)).toEqual(["settings-ack", "data", "settings-ack"]);
  });

  it("copies nothing of a frame that lies whole in a chunk", () => {
    const writer = new FrameWriter();
    writer.data(1, Uint8Array.of(1, 2, 3), { endStream: false });
    const whole = concatBytes(writer.take());
    const [frame] = framesOf([whole]);
    expect(frame?.kind === "data" && frame.data.buffer === whole.buffer).toBe(true);
  });

  it("§4.2: a frame above SETTINGS_MAX_FRAME_SIZE MUST be a FRAME_SIZE_ERROR, by its header", () => {
    const writer = new FrameWriter();
    writer.data(1, new Uint8Array(101), { endStream: false });
    const whole = concatBytes(writer.take());
    expect(framesOf([whole], 101)).toHaveLength(1);
    for (const chunks of [[whole], [whole.slice(0, 9)], [whole.slice(0, 4), whole.slice(4, 9)]]) {
      expect(() => framesOf(chunks, 100)).toThrow("a payload of 101 bytes, expected at most 100");
    }
  });

  it("§4.1: the reserved bit MUST be ignored", () => {
    const writer = new FrameWriter();
    writer.rstStream(1, ErrorCode.cancel);
    const whole = concatBytes(writer.take());
    whole[5] = 0x80;
    expect(framesOf([whole])).toMatchObject([{ kind: "rst-stream", streamId: 1 }]);
  });

  it("throws nothing but ConnectionError on any bytes", () => {
    const header = fc
      .tuple(fc.nat(30), fc.nat(10), fc.nat(255), fc.nat(3))
      .map(([length, type, flags, id]) => Uint8Array.of(0, 0, length, type, flags, 0, 0, 0, id));
    const stream = fc.array(fc.oneof(header, fc.uint8Array({ maxLength: 30 })), { maxLength: 20 });
    fc.assert(
      fc.property(stream, (chunks) => {
        try {
          framesOf(chunks, 1_000);
        } catch (error) {
          if (!(error instanceof ConnectionError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("FrameWriter", () => {
  it("§6.10: headers() continues a large block in CONTINUATION frames, END_HEADERS on the last", () => {
    const writer = new FrameWriter();
    const block = new Uint8Array(250).map((_, i) => i);
    writer.headers(3, block, { endStream: true, frameBytesMax: 100 });
    const frames = framesOf(writer.take());
    expect(frames).toMatchObject([
      { kind: "headers", streamId: 3, endStream: true, endHeaders: false },
      { kind: "continuation", streamId: 3, endHeaders: false },
      { kind: "continuation", streamId: 3, endHeaders: true },
    ]);
    const fragments = frames.map((frame) => ("fragment" in frame ? frame.fragment : block));
    expect(concatBytes(fragments)).toEqual(block);
  });

  it("take() leaves what was taken before as it was", () => {
    const writer = new FrameWriter();
    writer.data(1, Uint8Array.of(7), { endStream: false });
    const [first] = writer.take();
    writer.data(3, Uint8Array.of(8), { endStream: false });
    writer.data(5, new Uint8Array(40_000).fill(9), { endStream: false });
    expect(writer.take()).toHaveLength(2);
    expect([...(first ?? [])]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 1, 7]);
  });
});
