import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { majorityOf, quorumIndex, tally } from "./quorum.js";

describe("quorumIndex()", () => {
  it("is the highest index that a majority has", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }), (matches) => {
        const index = quorumIndex(matches);
        const having = (at: number): number => matches.filter((match) => match >= at).length;
        expect(having(index)).toBeGreaterThanOrEqual(majorityOf(matches.length));
        expect(having(index + 1)).toBeLessThan(majorityOf(matches.length));
      }),
    );
  });
});

describe("tally()", () => {
  it("is decided as soon as no vote can change it", () => {
    expect(tally({ granted: 2, refused: 0 }, 3)).toBe("won");
    expect(tally({ granted: 1, refused: 1 }, 3)).toBe("pending");
    expect(tally({ granted: 1, refused: 2 }, 3)).toBe("lost");
    expect(tally({ granted: 2, refused: 2 }, 4)).toBe("lost");
    expect(tally({ granted: 1, refused: 0 }, 1)).toBe("won");
  });
});
