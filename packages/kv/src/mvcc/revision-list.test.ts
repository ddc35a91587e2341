import { randomBelow, seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import {
  LONG,
  LongList,
  numberAt,
  type RevisionList,
  tailOf,
  withPair,
  withPairAt,
} from "./revision-list.js";

function numbersOf(list: RevisionList): (number | undefined)[] {
  return Array.from({ length: list.length }, (_, i) => numberAt(list, i));
}

describe("RevisionList", () => {
  it("becomes bytes where it is long, and an array again where little is left", () => {
    let list: RevisionList = [];
    for (let i = 0; list.length <= LONG; i++) list = withPair(list, i, ~i);
    expect(list).toBeInstanceOf(LongList);
    expect(numberAt(list, LONG)).toBe(LONG / 2);
    expect(numberAt(list, LONG + 2)).toBeUndefined();
    expect(tailOf(list, 4)).not.toBeInstanceOf(LongList);
    expect(tailOf(list, 2)).toBeInstanceOf(LongList);
    expect(tailOf(list, LONG)).toEqual([LONG / 2, ~(LONG / 2)]);
  });

  it("holds what an array would, whatever is done to it, up to the largest revision", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const below = (limit: number): number => randomBelow(random, limit);
      let [list, plain]: [RevisionList, number[]] = [[], []];
      for (let step = 0; step < 1_500; step++) {
        const pair = [Number.MAX_SAFE_INTEGER - below(1_000), ~below(5)] as const;
        const dice = below(1_000);
        if (dice < 950) {
          list = withPair(list, ...pair);
          plain.push(...pair);
        } else if (dice < 998) {
          const at = 2 * below(plain.length / 2 + 1);
          list = withPairAt(list, at, pair);
          plain.splice(at, 0, ...pair);
        } else {
          const start = 2 * below(plain.length / 2 + 1);
          list = tailOf(list, start);
          plain = plain.slice(start);
        }
      }
      expect(numbersOf(list)).toEqual(plain);
    }
  });
});
