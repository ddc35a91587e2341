import { describe, expect, it } from "vitest";
import { KvError } from "../kv-error.js";
import { formatDuration } from "./duration.js";
import { humanBytes } from "./human-bytes.js";
import { hexId, leaseId, parseInt64, parseSafeInteger } from "./integer.js";

describe("durations", () => {
  it.each([
    [0, "0s"],
    [0.000012, "12ns"],
    [0.864765, "864.765µs"],
    [2.27555, "2.27555ms"],
    [5_000.503636, "5.000503636s"],
    [60_500, "1m0.5s"],
    [7_200_000, "2h0m0s"],
    [-1_500, "-1.5s"],
  ])("formatDuration(%d ms) is %s", (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});

describe("integers", () => {
  it("parseInt64() takes 64 bits with a sign, and says what is wrong as Go does", () => {
    expect(parseInt64("-8000000000000000", 16)).toEqual({ kind: "value", value: -(2n ** 63n) });
    expect(parseInt64("9223372036854775807", 10)).toEqual({ kind: "value", value: 2n ** 63n - 1n });
    expect(parseInt64("x", 10)).toEqual({
      kind: "error",
      error: 'strconv.ParseInt: parsing "x": invalid syntax',
    });
    expect(parseInt64("9223372036854775808", 10)).toEqual({
      kind: "error",
      error: 'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    });
  });

  it("parseSafeInteger() refuses numbers that would be rounded", () => {
    expect(parseSafeInteger("9007199254740991")).toEqual({ kind: "value", value: 2 ** 53 - 1 });
    expect(parseSafeInteger("9007199254740993").kind).toBe("error");
  });

  it("leaseId() and hexId() are each other's inverse", () => {
    for (const text of ["0000000000001234", "694d5765fc71500b"]) {
      expect(hexId(leaseId(text, "lease ID"))).toBe(text);
    }
    expect(() => leaseId("zz", "lease ID arg")).toThrow(
      new KvError(
        128,
        'bad lease ID arg (strconv.ParseInt: parsing "zz": invalid syntax), expecting ID in Hex',
      ),
    );
  });
});

describe("humanBytes", () => {
  it.each([
    [0, "0 B"],
    [10, "10 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [20_480, "20 kB"],
    [12_500, "12 kB"],
    [13_500, "14 kB"],
    [1_250_000, "1.3 MB"],
    [2_147_483_648, "2.1 GB"],
  ])("humanBytes(%d) is %s", (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });
});
