import { encodeUtf8 } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromByteString, toByteString } from "./byte-string.js";
import { quote, unquoteAt } from "./quote.js";

describe("quote", () => {
  it("quote() shows what etcdctl's -w fields shows", () => {
    // `"b\xff\x01\"\\\n\té"` is what etcdctl 3.4.23 prints for these bytes.
    const bytes = new Uint8Array([0x62, 0xff, 0x01, 0x22, 0x5c, 0x0a, 0x09, 0xc3, 0xa9]);
    expect(quote(bytes)).toBe(String.raw`"b\xff\x01\"\\\n\té"`);
  });

  it("quote() escapes what cannot be seen, and keeps what can", () => {
    expect(quote(encodeUtf8("\u200b\u007f\u{e0001}\u00a0"))).toBe(
      String.raw`"\u200b\x7f\U000e0001\u00a0"`,
    );
    expect(quote(encodeUtf8("사공 😀 \ufffd"))).toBe('"사공 😀 \ufffd"');
  });

  it("unquoteAt() reads back what quote() wrote, for all bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = toByteString(encodeUtf8(quote(bytes)));
        const unquoted = unquoteAt(text, 0);
        expect(unquoted?.end).toBe(text.length);
        expect(fromByteString(unquoted?.value ?? "")).toEqual(bytes);
      }),
    );
  });

  it.each([
    [String.raw`"\x74\u0031\101"`, "t1A"],
    [String.raw`"\U0003347F\u00e9"`, "\xf0\xb3\x91\xbf\xc3\xa9"],
    ["`a\\n`", "a\\n"],
    ['"" rest', ""],
  ])("unquoteAt() reads %s", (text, value) => {
    expect(unquoteAt(text, 0)?.value).toBe(value);
  });

  it.each([
    '"open',
    String.raw`"\q"`,
    String.raw`"\ud800"`,
    String.raw`"\X41"`,
    "word",
    "",
    '"a\nb"',
  ])("unquoteAt() finds no string in %j", (text) => {
    expect(unquoteAt(text, 0)).toBeUndefined();
  });
});
