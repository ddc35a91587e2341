// @ts-check
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackDecoder } from "../../../packages/rpc/dist/http2/hpack/hpack-decoder.js";
import { FRAME_HEAD_BYTES, FrameReader, FrameWriter, settingsPayload } from "./frames.mjs";
import { MessageCutter, withHead } from "./message-cutter.mjs";
import { RequestFields } from "./request-fields.mjs";

/** @param {Buffer} bytes @param {readonly number[]} sizes of the pieces, over and over */
function* pieces(bytes, sizes) {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const SIZES = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("FrameReader", () => {
  it("finds the frames that FrameWriter wrote, however they are cut", () => {
    const frame = fc.record({
      type: fc.nat(9),
      flags: fc.nat(255),
      stream: fc.nat(0x7fffffff),
      payload: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(frame), SIZES, (frames, sizes) => {
        const writer = new FrameWriter();
        for (const { type, flags, stream, payload } of frames) {
          writer.frame(type, flags, stream, payload);
        }
        /** @type {unknown[]} */
        const found = [];
        const reader = new FrameReader((type, flags, stream, bytes, start, end) => {
          found.push({ type, flags, stream, payload: Uint8Array.from(bytes.subarray(start, end)) });
        });
        for (const piece of pieces(writer.written, sizes)) reader.read(piece);
        expect(found).toEqual(
          frames.map((one) => ({ ...one, payload: Uint8Array.from(one.payload) })),
        );
      }),
    );
  });
});

describe("FrameWriter", () => {
  it("grows beyond its first size, and begins anew", () => {
    const writer = new FrameWriter();
    const payload = new Uint8Array(50_000).fill(7);
    for (let i = 0; i < 5; i++) writer.frame(0, 0, 1, payload);
    expect(writer.length).toBe(5 * (FRAME_HEAD_BYTES + payload.length));
    expect(writer.written.at(-1)).toBe(7);
    writer.clear({ keepMemory: false });
    writer.frame(4, 0, 0, settingsPayload({ 4: 65_536 }));
    expect([...writer.written]).toEqual([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0]);
  });
});

describe("MessageCutter", () => {
  it("finds the messages, however the stream is cut", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(messages, SIZES, (sent, sizes) => {
        const cutter = new MessageCutter();
        /** @type {Uint8Array[]} */
        const found = [];
        const handler = {
          /** @type {(bytes: Buffer, start: number, end: number) => void} */
          onMessage: (bytes, start, end) =>
            void found.push(Uint8Array.from(bytes.subarray(start, end))),
        };
        const bytes = Buffer.concat(sent.map(withHead));
        for (const piece of pieces(bytes, sizes)) cutter.cut(piece, 0, piece.length, handler);
        expect(found).toEqual(sent.map((one) => Uint8Array.from(one)));
        expect(cutter.isBetweenMessages).toBe(true);
      }),
    );
  });

  it("refuses compressed messages, and knows a message that is cut off", () => {
    const handler = { onMessage: () => {} };
    const compressed = Buffer.of(1, 0, 0, 0, 0);
    expect(() => new MessageCutter().cut(compressed, 0, 5, handler)).toThrow("flag 1, 0 bytes");
    const cutter = new MessageCutter();
    cutter.cut(withHead(Uint8Array.of(1, 2, 3)), 0, 7, handler);
    expect(cutter.isBetweenMessages).toBe(false);
  });
});

describe("RequestFields", () => {
  it("block() is what a decoder reads it as, whatever was asked for before", () => {
    const paths = ["/kv/Put", "/kv/Range", "/watch/Watch"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...paths)), (asked) => {
        const fields = new RequestFields("127.0.0.1:2379");
        const decoder = new HpackDecoder({ listBytesMax: 10_000 });
        for (const path of asked) {
          const { fields: read } = decoder.decode(fields.block(path));
          expect(read.map(({ name, value }) => `${name}: ${value}`)).toEqual([
            ":method: POST",
            ":scheme: http",
            `:path: ${path}`,
            ":authority: 127.0.0.1:2379",
            "content-type: application/grpc",
            "te: trailers",
            "user-agent: sagong-bench",
          ]);
        }
      }),
    );
  });

  it("block() is a byte a field once the server knows them", () => {
    const fields = new RequestFields("127.0.0.1:2379");
    fields.block("/kv/Put");
    expect(fields.block("/kv/Put")).toHaveLength(7);
    expect(fields.block("/kv/Put")).toBe(fields.block("/kv/Put"));
  });
});
