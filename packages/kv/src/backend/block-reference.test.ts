import { describe, expect, it } from "vitest";
import { SPACE_LEASE } from "../mvcc/backend.js";
import { encodeDeadList } from "../mvcc/dead-list.js";
import { blockKey, KIND_DEAD, revisionKey } from "../mvcc/revision.js";
import { ENTRY_BYTES, TRAILER_BYTES } from "../mvcc/version-block.js";
import { encodeReference, referenceIn } from "./block-reference.js";

const REFERENCE = { file: 4_000_000_000, offset: 2 ** 32 - 1, length: 17_000 };

describe("referenceIn()", () => {
  it("reads what encodeReference() wrote", () => {
    expect(referenceIn(blockKey(7, 0), encodeReference(REFERENCE))).toEqual(REFERENCE);
  });

  it("takes no list of dead versions for one, however long", () => {
    const list = encodeDeadList({ main: 7, sub: 0 }, [7, 0]);
    expect(list).toHaveLength(encodeReference(REFERENCE).length);
    expect(referenceIn(blockKey(7, 0, KIND_DEAD), list)).toBeUndefined();
  });

  it("takes no block for one, and nothing under another key", () => {
    expect(encodeReference(REFERENCE).length).toBeLessThan(ENTRY_BYTES + TRAILER_BYTES);
    const bytes = encodeReference(REFERENCE);
    expect(referenceIn(revisionKey(7, 0), bytes)).toBeUndefined();
    const lease = Uint8Array.from(blockKey(7, 0));
    lease[0] = SPACE_LEASE;
    expect(referenceIn(lease, bytes)).toBeUndefined();
    expect(referenceIn(blockKey(7, 0), new Uint8Array(ENTRY_BYTES + TRAILER_BYTES))).toBe(
      undefined,
    );
  });
});
