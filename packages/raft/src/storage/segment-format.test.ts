import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeRecord, HEAD_BYTES, MAX_RECORD_BYTES, scanRecords } from "./segment-format.js";

const payload = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
/** Three records; the last one spans several sectors. */
const RECORDS = [payload(10, 1), payload(700, 2), payload(3_000, 3)];
const segment = (): Uint8Array => Buffer.concat(RECORDS.map(encodeRecord));
const LAST = RECORDS.slice(0, 2).reduce((sum, { length }) => sum + HEAD_BYTES + length, 0);

describe("scanRecords()", () => {
  it("gives back the payloads that encodeRecord() was given", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 })), (payloads) => {
        const bytes = Buffer.concat(payloads.map(encodeRecord));
        const scan = scanRecords(bytes);
        expect(scan).toMatchObject({ end: bytes.length, rest: "nothing" });
        expect(scan.payloads.map((one) => [...one])).toEqual(payloads.map((one) => [...one]));
      }),
    );
  });

  it("takes a last record that ends early for torn, wherever it ends", () => {
    const bytes = segment();
    for (let length = LAST + 1; length < bytes.length; length += 7) {
      const { end, rest } = scanRecords(bytes.subarray(0, length));
      expect({ end, rest }).toEqual({ end: LAST, rest: "torn" });
    }
  });

  it("takes a last record for torn where any of its sectors never reached the disk", () => {
    for (let sector = Math.floor(LAST / 512); sector * 512 < segment().length; sector++) {
      const bytes = segment();
      bytes.fill(0, Math.max(LAST, sector * 512), Math.min(bytes.length, (sector + 1) * 512));
      expect(scanRecords(bytes)).toMatchObject({ end: LAST, rest: "torn" });
    }
  });

  it("takes a changed byte for corruption, wherever it is, also in the last record", () => {
    const whole = segment();
    for (let at = 0; at < whole.length; at++) {
      const bytes = Uint8Array.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      expect(scanRecords(bytes).rest, `at ${at}`).toBe("corrupt");
    }
  });

  it("takes a hole before another record for corruption", () => {
    const bytes = segment();
    bytes.fill(0, 100, 600);
    expect(scanRecords(bytes)).toMatchObject({ end: HEAD_BYTES + 10, rest: "corrupt" });
  });
});

describe("encodeRecord()", () => {
  it("refuses what a restart could not read again", () => {
    // Only the length is looked at: so much memory is not for a test.
    const huge = Object.defineProperty(new Uint8Array(0), "length", {
      value: MAX_RECORD_BYTES + 1,
    });
    expect(() => encodeRecord(huge)).toThrow(
      `Cannot write a record of ${MAX_RECORD_BYTES + 1} bytes: expected at most ${MAX_RECORD_BYTES}`,
    );
  });
});
