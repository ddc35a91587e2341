import { describe, expect, it } from "vitest";
import { AppliedDigests, checkHashes } from "./members.js";

describe("checkHashes()", () => {
  const hash = (
    member: string,
    [revision, compactRevision, value]: readonly [number, number, number],
  ) => ({
    member,
    revision,
    compactRevision,
    hash: value,
  });

  it("compares what is at one revision and one compacted revision, and nothing else", () => {
    expect(checkHashes([hash("m1", [5, 2, 7]), hash("m2", [5, 2, 7])])).toEqual([]);
    expect(checkHashes([hash("m1", [5, 2, 7]), hash("m2", [6, 2, 8])])).toEqual([]);
    expect(checkHashes([hash("m1", [5, 2, 7]), hash("m2", [5, 3, 8])])).toEqual([]);
    const found = checkHashes([
      hash("m1", [5, 2, 7]),
      hash("m2", [5, 2, 7]),
      hash("m3", [5, 2, 8]),
    ]);
    expect(found.map(({ guarantee }) => guarantee)).toEqual(["members-equal-hash"]);
  });
});

describe("AppliedDigests", () => {
  it("observe() sees a member that differs, also when the others are long ahead", () => {
    const digests = new AppliedDigests();
    expect(digests.observe("m1", { index: 1, digest: "x" })).toBeUndefined();
    expect(digests.observe("m1", { index: 2, digest: "y" })).toBeUndefined();
    expect(digests.observe("m2", { index: 1, digest: "x" })).toBeUndefined();
    expect(digests.observe("m2", { index: 2, digest: "z" })?.guarantee).toBe("members-equal");
  });
});
