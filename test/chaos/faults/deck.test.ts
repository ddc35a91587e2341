import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { Deck } from "./deck.js";
import type { ChaosFault } from "./fault.js";

function fault(name: string, isAlone: boolean): ChaosFault {
  return { group: "process", name, isAlone, strike: async () => {} };
}

const FAULTS = ["a", "b", "c", "d"].map((name) => fault(name, name === "a"));

function drawRounds(seed: number, rounds: number): readonly (readonly string[])[] {
  const deck = new Deck(seededRandom(seed), FAULTS);
  const drawn: (readonly string[])[] = [];
  while (deck.rounds < rounds) drawn.push(deck.draw().map(({ name }) => name));
  return drawn;
}

describe("Deck", () => {
  it("draws each fault once a round", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const names = drawRounds(seed, 3).flat();
      expect(names).toHaveLength(3 * FAULTS.length);
      for (let i = 0; i < names.length; i += FAULTS.length) {
        expect(names.slice(i, i + FAULTS.length).toSorted()).toEqual(["a", "b", "c", "d"]);
      }
    }
  });

  it("gives some company, and none to those that strike alone", () => {
    const pairs = Array.from({ length: 50 }, (_, seed) => drawRounds(seed, 2))
      .flat()
      .filter(({ length }) => length > 1);
    expect(pairs.length).toBeGreaterThan(0);
    expect(pairs.flat()).not.toContain("a");
  });

  it("draws the same for the same seed", () => {
    expect(drawRounds(7, 5)).toEqual(drawRounds(7, 5));
    expect(drawRounds(7, 5)).not.toEqual(drawRounds(8, 5));
  });

  it("refuses to choose from nothing", () => {
    expect(() => new Deck(seededRandom(1), [])).toThrow("there is none to choose from");
  });
});
