import type { RaftView } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { hasAllOf } from "./complete-log.js";

/** Entries of these terms behind an image that ends at `index`, in term 1. */
function logOf(index: number, ...terms: readonly number[]): RaftView["log"] {
  const data = new Uint8Array(0);
  return {
    snapshot: { index, term: 1, confState: { voters: [] } },
    committed: index,
    applied: index,
    lastIndex: index + terms.length,
    entryAt: (at) => {
      const term = terms[at - index - 1];
      return term === undefined ? undefined : { index: at, term, kind: "normal", data };
    },
  };
}

describe("hasAllOf()", () => {
  it.each([
    ["the same log", logOf(0, 1, 2), true],
    ["one that has more", logOf(0, 1, 2, 2), true],
    ["one that is shorter", logOf(0, 1), false],
    ["one that is as long, of another leader's entries", logOf(0, 1, 1), false],
    ["an image that has it all", logOf(2), true],
    ["an image beyond it", logOf(7, 3), true],
    ["an image of less, and nothing behind it", logOf(1), false],
  ])("judges %s", (_, other, expected) => {
    expect(hasAllOf(other, logOf(0, 1, 2))).toBe(expected);
  });
});
