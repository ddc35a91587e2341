import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HEAD_BYTES, MAX_RECORD_BYTES, recordHead, scanRecords } from "./segment-format.js";

const encodeRecord = (one: Uint8Array): Uint8Array => Buffer.concat([recordHead([one]), one]);
const payload = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
/** Three records; the last one spans several sectors. */
const RECORDS = [payload(10, 1), payload(700, 2), payload(3_000, 3)];
const segment = (): Uint8Array => Buffer.concat(RECORDS.map(encodeRecord));
const LAST = RECORDS.slice(0, 2).reduce((sum, { length }) => sum + HEAD_BYTES + length, 0);

describe("scanRecords()", () => {
  it("gives back the payloads of records", () => {
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

describe("scanRecords() of a file that was prepared for more", () => {
  const prepared = (bytes: Uint8Array, zeros = 5_000): Uint8Array =>
    Buffer.concat([bytes, Buffer.alloc(zeros)]);

  it("takes zeros behind the last record for nothing, however many", () => {
    for (const zeros of [1, 11, 12, 511, 512, 513, 5_000]) {
      const bytes = segment();
      const scan = scanRecords(prepared(bytes, zeros));
      expect(scan).toMatchObject({ end: bytes.length, rest: "nothing" });
      expect(scan.payloads).toHaveLength(RECORDS.length);
    }
    expect(scanRecords(new Uint8Array(2_000))).toEqual({ payloads: [], end: 0, rest: "nothing" });
  });

  it("takes a last record for torn where it was cut off between sectors", () => {
    for (let at = (Math.floor(LAST / 512) + 1) * 512; at < segment().length; at += 512) {
      const scan = scanRecords(prepared(segment().subarray(0, at), 6_000));
      expect(scan).toMatchObject({ end: LAST, rest: "torn" });
    }
  });

  it("takes a last record for torn where its head stands across sectors, and half of it is there", () => {
    for (const inFirst of [1, 4, 8, 11]) {
      const before = payload(512 - inFirst - HEAD_BYTES, 1);
      const whole = Buffer.concat([before, payload(40, 2)].map(encodeRecord));
      const scan = scanRecords(prepared(whole.subarray(0, 512)));
      expect(scan).toMatchObject({ end: 512 - inFirst, rest: "torn" });
      whole.fill(0, 512 - inFirst, 512); // Or the other half.
      expect(scanRecords(prepared(whole))).toMatchObject({ end: 512 - inFirst, rest: "torn" });
    }
  });

  it("takes a last record for torn where it was cut off anywhere, with zeros behind it", () => {
    for (let length = 1; length < segment().length - LAST; length += 7) {
      const scan = scanRecords(prepared(segment().subarray(0, LAST + length)));
      expect(scan).toMatchObject({ end: LAST, rest: "torn" });
    }
  });

  it("takes a part of a head with nothing behind it for torn", () => {
    for (let length = 1; length <= HEAD_BYTES; length++) {
      const bytes = prepared(segment().subarray(0, LAST + length));
      expect(scanRecords(bytes)).toMatchObject({ end: LAST, rest: "torn" });
    }
  });

  it("takes a changed byte for corruption, wherever it is, also in the last record's head", () => {
    const whole = prepared(segment(), 700);
    for (let at = 0; at < segment().length; at++) {
      const bytes = Uint8Array.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      expect(scanRecords(bytes).rest, `at ${at}`).toBe("corrupt");
    }
  });

  it("takes a record that a lost one stands before for corruption", () => {
    const whole = prepared(segment());
    whole.fill(0, HEAD_BYTES + 10, LAST); // The second of three.
    expect(scanRecords(whole)).toMatchObject({ end: HEAD_BYTES + 10, rest: "corrupt" });
  });

  it("gives records back whatever they end with, and cuts what any crash leaves of the last", () => {
    const anyPayload = fc.uint8Array({ maxLength: 1_500 }).map((bytes) => bytes.map((b) => b % 3));
    fc.assert(
      fc.property(
        fc.array(anyPayload, { minLength: 1, maxLength: 5 }),
        fc.nat(9),
        (payloads, which) => {
          const whole = prepared(Buffer.concat(payloads.map(encodeRecord)), 700);
          expect(scanRecords(whole).payloads.map((one) => [...one])).toEqual(
            payloads.map((one) => [...one]),
          );
          const last = encodeRecord(payloads.at(-1) ?? new Uint8Array(0));
          const start = whole.length - 700 - last.length;
          const sectors: [number, number][] = [];
          for (let at = start; at < start + last.length; at = (Math.floor(at / 512) + 1) * 512) {
            sectors.push([at, Math.min(start + last.length, (Math.floor(at / 512) + 1) * 512)]);
          }
          // Some of its sectors reached the disk, and at least one did not.
          const lost = sectors.filter(
            (_, i) => i === which % sectors.length || (which >> (i % 4)) & 1,
          );
          for (const [from, to] of lost) whole.fill(0, from, to);
          const scan = scanRecords(whole);
          // Where only zeros were lost the record is whole.
          expect(["nothing", "torn"]).toContain(scan.rest);
          expect(scan.payloads.length).toBeGreaterThanOrEqual(payloads.length - 1);
        },
      ),
    );
  });

  it("scans many megabytes of zeros in no time", () => {
    const whole = prepared(segment(), 16 * 1024 * 1024);
    const begun = performance.now();
    expect(scanRecords(whole).rest).toBe("nothing");
    whole[LAST + 1_500] = 9;
    expect(scanRecords(whole).rest).toBe("corrupt");
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});

describe("recordHead()", () => {
  it("refuses what a restart could not read again", () => {
    // Only the length is looked at: so much memory is not for a test.
    const huge = Object.defineProperty(new Uint8Array(0), "length", {
      value: MAX_RECORD_BYTES + 1,
    });
    expect(() => recordHead([huge])).toThrow(
      `Cannot write a record of ${MAX_RECORD_BYTES + 1} bytes: expected at most ${MAX_RECORD_BYTES}`,
    );
  });
});
