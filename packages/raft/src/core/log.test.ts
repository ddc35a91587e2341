import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RaftLog } from "./log.js";
import type { Entry } from "./types.js";

const entry = (index: number, term: number, bytes: number): Entry => ({
  index,
  term,
  kind: "normal",
  data: new Uint8Array(bytes),
});
const snapshot = { index: 0, term: 0, confState: { voters: [1n] } };

describe("RaftLog, in bytes", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("replace" as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("compact" as const), at: fc.nat(20) }),
  );

  it("counts what adding up would, through appends, conflicts and compactions", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const log = new RaftLog(snapshot, [entry(1, 1, 3)]);
        let term = 1;
        for (const { kind, at } of steps) {
          const last = log.lastIndex;
          if (kind === "append") log.append([entry(last + 1, term, at), entry(last + 2, term, 0)]);
          else if (kind === "replace") {
            const from = Math.max(log.committed, last - at) + 1;
            log.merge([entry(from, ++term, at)]);
          } else {
            log.stableTo(last, log.lastTerm);
            log.commitTo(last);
            log.appliedTo(last);
            log.compact(last - Math.min(at, last - log.snapshot.index));
          }
          const first = log.snapshot.index;
          const sizes = log.range(first, log.lastIndex).map(({ data }) => data.length);
          for (let from = 0; from <= sizes.length; from++) {
            const sum = sizes.slice(from).reduce((a, b) => a + b, 0);
            expect(log.bytesIn(first + from, log.lastIndex)).toBe(sum);
          }
          for (const max of [0, 1, 7, 50]) {
            const index = log.indexBefore(max);
            const before = Math.max(first, index - 1);
            expect(log.bytesIn(index, log.lastIndex)).toBeLessThanOrEqual(max);
            // No lower index would do.
            expect(index === first || log.bytesIn(before, log.lastIndex) > max).toBe(true);
          }
        }
      }),
    );
  });
});
