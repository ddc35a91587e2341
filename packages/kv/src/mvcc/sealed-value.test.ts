import { describe, expect, it } from "vitest";
import { AppliedMark, LeaseRecord } from "../gen/store.js";
import { openSealed, sealValue } from "./sealed-value.js";

const KEY = Uint8Array.of(1, 2, 3);

describe("openSealed()", () => {
  it("gives back what was sealed, and finds every flipped bit", () => {
    const mark = { index: 300, term: 4, revision: 1_000, compactRevision: 0, leasesCheck: 7 };
    const value = sealValue(KEY, AppliedMark.encode(mark));
    expect(openSealed([KEY, value], () => "the mark", AppliedMark)).toEqual(mark);
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = value.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => openSealed([KEY, flipped], () => "the mark", AppliedMark), `bit ${bit}`).toThrow(
        "Cannot read the database: the mark is damaged",
      );
    }
  });

  it("refuses another key's value, and one that is cut off", () => {
    const value = sealValue(KEY, LeaseRecord.encode({ id: 7n, ttl: 60 }));
    expect(() => openSealed([Uint8Array.of(1), value], () => "lease 1", LeaseRecord)).toThrow(
      "lease 1",
    );
    for (let length = 1; length < value.length; length++) {
      const cut = value.subarray(0, length);
      expect(() => openSealed([KEY, cut], () => "lease 7", LeaseRecord)).toThrow(
        "lease 7 is damaged",
      );
    }
  });

  it("reads values from before there was a seal, and says where one cannot be read", () => {
    const old = LeaseRecord.encode({ id: 7n, ttl: 60 });
    expect(openSealed([KEY, old], () => "lease 7", LeaseRecord)).toEqual({ id: 7n, ttl: 60 });
    const cut = old.subarray(0, old.length - 1);
    expect(() => openSealed([KEY, cut], () => "lease 7", LeaseRecord)).toThrow(
      /lease 7: Cannot decode/,
    );
  });
});
