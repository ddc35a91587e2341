// @ts-check
import { describe, expect, it } from "vitest";
import { ALL_LOADS, chooseLoads } from "./all-loads.mjs";

const FLAGS = { only: [], stalls: false, checkGenerator: false };
/** @param {Partial<{ only: string[], stalls: boolean, checkGenerator: boolean }>} flags */
const names = (flags) => chooseLoads(ALL_LOADS, { ...FLAGS, ...flags }).map(({ name }) => name);

describe("chooseLoads()", () => {
  it("takes all but the stalls, which --stalls adds", () => {
    expect(names({}).filter((name) => name.startsWith("stalls"))).toEqual([]);
    expect(names({ stalls: true })).toEqual(ALL_LOADS.map(({ name }) => name));
  });

  it("a word that is a whole name means that load, else every name that it is in", () => {
    expect(names({ only: ["put@1"] })).toEqual(["put@1"]);
    expect(names({ only: ["serializable", "txn"] })).toEqual([
      "range serializable@100",
      "txn@100",
      "generator range serializable@100",
    ]);
    expect(() => names({ only: ["putt"] })).toThrow("--only putt: expected part of a load's name");
  });

  it("every name is there once, and generator checks come alone", () => {
    const all = ALL_LOADS.map(({ name }) => name);
    expect(new Set(all).size).toBe(all.length);
    expect(names({ checkGenerator: true }).every((name) => name.startsWith("generator "))).toBe(
      true,
    );
  });
});
