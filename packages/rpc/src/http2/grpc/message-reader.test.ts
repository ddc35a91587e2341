import { concatBytes, toHex } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StatusCode } from "../../status.js";
import { MessageReader } from "./message-reader.js";
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

  it("copies: a message does not change with the chunk that it came in", () => {
    const chunk = prefixMessage(Uint8Array.of(1, 2));
    const [message] = reader().push(chunk);
    chunk.fill(9);
    expect(message).toEqual(Uint8Array.of(1, 2));
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
      expect.objectContaining({ code: StatusCode.unimplemented }),
    );
  });
});
