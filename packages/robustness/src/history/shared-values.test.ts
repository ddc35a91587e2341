import { encodeUtf8 } from "@sagong/base";
import { KeyValue } from "@sagong/kv/client";
import { describe, expect, it } from "vitest";
import { SharedValues } from "./shared-values.js";

const said = (value: string, modRevision: number) =>
  KeyValue.create({ key: encodeUtf8("k"), value: encodeUtf8(value), modRevision });

describe("SharedValues", () => {
  it("textOf() says what the bytes say, long values and short ones", () => {
    const values = new SharedValues();
    for (const value of ["", "short", "long".repeat(1_000), "long".repeat(1_000)]) {
      expect(values.textOf(said(value, 3))).toBe(value);
    }
  });

  it("textOf() tells apart what a store says differently of one revision", () => {
    const values = new SharedValues();
    const one = "a".repeat(2_000);
    const other = `${"a".repeat(1_999)}b`;
    for (const value of [one, other, one, other]) {
      expect(values.textOf(said(value, 3))).toBe(value);
    }
  });
});
