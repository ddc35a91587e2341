import { describe, expect, it } from "vitest";
import { SharedValues } from "./shared-values.js";

const pair = (value: string) => ({
  key: "k",
  value,
  createRevision: 2,
  modRevision: 3,
  version: 1,
});

describe("SharedValues", () => {
  it("gives equal pairs, long values and short ones", () => {
    const values = new SharedValues();
    for (const value of ["", "short", "long".repeat(1_000), "long".repeat(1_000)]) {
      expect(values.share(pair(value))).toEqual(pair(value));
    }
  });
});
