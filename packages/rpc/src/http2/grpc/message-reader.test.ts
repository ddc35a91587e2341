import { concatBytes, toHex } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StatusCode } from "../../status.js";
import { MessageReader, onlyMessageOf } from "./message-reader.js";
import { prefixMessage } from "./message-writer.js";

const reader = (): MessageReader => new MessageReader({ messageBytesMax: 1_000 });

describe("MessageReader.push()", () => {
  it("gives what prefixMessage() made, however it is cut", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(200), { maxLength: 20 }), (list, cuts) => {
        const whole = concatBytes(list.map(prefixMessage));
        const places = [...cuts.map((place) => Math.min(place, whole.length)), 0, whole.length];
        places.sort((a, b) => a - b);
        const one = reader();
        const read = places.slice(1).flatMap((end, i) => one.push(whole.subarray(places[i], end)));
        expect(read.map(toHex)).toEqual(list.map(toHex));
        expect(one.isWithin).toBe(false);
      }),
    );
  });

  it("copies what waits for its rest: a chunk may change or go away", () => {
    const bytes = Buffer.from(prefixMessage(Uint8Array.of(1, 2, 3)));
    const one = reader();
    const chunk = bytes.subarray(0, 7);
    one.push(chunk);
    expect(one.heldBytes).toBe(7);
    const rest = Buffer.from(bytes.subarray(7));
    chunk.fill(9);
    expect(one.push(rest).map(toHex)).toEqual(["010203"]);
    expect(one.heldBytes).toBe(0);
  });

  it("inflates compressed messages, and refuses them where it cannot", () => {
    const compressed = Uint8Array.of(1, 0, 0, 0, 1, 7);
    const inflate = (message: Uint8Array, messageBytesMax: number): Uint8Array =>
      Uint8Array.of(...message, messageBytesMax >> 8);
    const inflating = new MessageReader({ messageBytesMax: 512, inflate });
    expect(inflating.push(compressed)).toEqual([Uint8Array.of(7, 2)]);
  });

  it("knows when a message is not whole", () => {
    const one = reader();
    expect(one.push(prefixMessage(new Uint8Array(4)).subarray(0, 8))).toEqual([]);
    expect(one.isWithin).toBe(true);
  });

  it("refuses a message over the limit by its prefix, in pieces as well", () => {
    const prefix = Uint8Array.of(0, 0, 0, 3, 0xe9);
    const refusal = expect.objectContaining({ code: StatusCode.resourceExhausted });
    expect(() => reader().push(prefix)).toThrow(refusal);
    const one = reader();
    one.push(prefix.subarray(0, 3));
    expect(() => one.push(prefix.subarray(3))).toThrow(refusal);
  });

  it("refuses a compressed message", () => {
    expect(() => reader().push(Uint8Array.of(1, 0, 0, 0, 0))).toThrow(
      expect.objectContaining({ code: StatusCode.internal }),
    );
  });
});

describe("onlyMessageOf()", () => {
  const max = 1_000;
  const message = Uint8Array.of(1, 2, 3);

  it("gives the message where there is one, whole and plain, and nothing else", () => {
    expect(onlyMessageOf(prefixMessage(message), max)).toEqual(message);
    expect(onlyMessageOf(prefixMessage(new Uint8Array(0)), max)).toEqual(new Uint8Array(0));
  });

  it("leaves the rest to a reader: parts, several, compressed ones, those over the limit", () => {
    const bytes = prefixMessage(message);
    expect(onlyMessageOf(bytes.subarray(0, 7), max)).toBeUndefined();
    expect(onlyMessageOf(bytes.subarray(0, 4), max)).toBeUndefined();
    expect(onlyMessageOf(concatBytes([bytes, bytes]), max)).toBeUndefined();
    expect(onlyMessageOf(Uint8Array.of(1, 0, 0, 0, 0), max)).toBeUndefined();
    expect(onlyMessageOf(bytes, 2)).toBeUndefined();
    expect(onlyMessageOf(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff), max)).toBeUndefined();
  });
});
