// @ts-check
import { describe, expect, it } from "vitest";
import { readFlags } from "./flags.mjs";

describe("readFlags()", () => {
  it("measures clusters of 1 and 3 in three rounds by default", () => {
    expect(readFlags([])).toMatchObject({
      action: "measure",
      members: [1, 3],
      rounds: 3,
      keys: 1_000_000,
      only: [],
      stalls: false,
      product: undefined,
    });
  });

  it("--quick changes what is not said otherwise", () => {
    expect(readFlags(["--quick"])).toMatchObject({ members: [3], rounds: 1, warmUp: 5 });
    expect(readFlags(["--quick", "--rounds=4", "--members=1,3"])).toMatchObject({
      members: [1, 3],
      rounds: 4,
      seconds: 1,
    });
  });

  it("--only takes words that follow it, commas, and repetition", () => {
    const only = ["put@1", "put@100", "range linearizable@100", "txn"];
    expect(readFlags(["--only", "put@1", "put@100", "range linearizable@100,txn"]).only).toEqual(
      only,
    );
    expect(readFlags(["--only=put@1,put@100", "--rounds", "2", "--only", "txn"]).only).toEqual([
      "put@1",
      "put@100",
      "txn",
    ]);
  });

  it.each([
    [["--members", "2"], "--members 2: expected 1, 3 or 5"],
    [["--members", ","], "--members ,: expected 1, 3 or 5"],
    [["--rounds", "0"], "--rounds 0: expected a whole number above 0"],
    [["--warm-up", "x"], "--warm-up x: expected a whole number above 0"],
    [["--seconds", "1.5"], "--seconds 1.5: expected a whole number above 0"],
    [["--product", "zookeeper"], "--product zookeeper: expected sagong or etcd"],
    [["--fast"], "--fast"],
    [["put@1"], "put@1"],
  ])("refuses %j", (args, text) => {
    expect(() => readFlags(args)).toThrow(text);
  });
});
