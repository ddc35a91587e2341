import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BATCH_BYTES,
  countProposals,
  encodeProposals,
  ProposalQueue,
  proposalsOf,
} from "./proposals.js";

const text = (one: Uint8Array): string => Buffer.from(one).toString("latin1");
const read = (data: Uint8Array): string[] => [...proposalsOf({ kind: "normal", data })].map(text);
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
/** Lengths around the places where a head grows by a byte. */
const proposal = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .constantFrom(127, 128, 129, 16_383, 16_384)
    .map((length) => new Uint8Array(length).fill(length)),
);
const proposals = fc.array(proposal, { maxLength: 8 });

describe("proposalsOf()", () => {
  it("gives back what encodeProposals() was given, empty proposals too", () => {
    fc.assert(
      fc.property(proposals, (given) => {
        const batch = encodeProposals(given);
        expect(read(batch)).toEqual(given.map(text));
        expect(countProposals(batch)).toBe(given.length);
      }),
    );
  });

  it("reads batches one behind the other as one", () => {
    fc.assert(
      fc.property(proposals, proposals, (a, b) => {
        const joined = join(encodeProposals(a), encodeProposals(b));
        expect(Buffer.compare(joined, encodeProposals([...a, ...b]))).toBe(0);
      }),
    );
  });

  it("gives views of the entry, not copies", () => {
    const data = encodeProposals([Uint8Array.of(1), Uint8Array.of(2)]);
    for (const one of proposalsOf({ kind: "normal", data })) expect(one.buffer).toBe(data.buffer);
  });

  it("finds none in a leader's first entry, and in a change of the configuration", () => {
    expect(read(new Uint8Array(0))).toEqual([]);
    const data = encodeProposals([Uint8Array.of(1)]);
    expect([...proposalsOf({ kind: "conf-change", data })]).toEqual([]);
  });

  it("refuses what is cut off, at every byte, and never reads beyond it", () => {
    const whole = encodeProposals([new Uint8Array(200), Uint8Array.of(1, 2, 3)]);
    const outcome = (cut: Uint8Array): string => {
      try {
        return `${countProposals(cut)} proposals`;
      } catch (error) {
        return error instanceof RangeError ? "refused" : String(error);
      }
    };
    const outcomes = Array.from({ length: whole.length }, (_, length) => [
      length,
      outcome(whole.subarray(0, length)),
    ]).filter(([, what]) => what !== "refused");
    expect(outcomes).toEqual([
      [0, "0 proposals"],
      [203, "1 proposals"],
    ]);
  });

  it("answers any bytes with proposals that are in them, or with a RangeError", () => {
    const total = (bytes: Uint8Array): number => {
      try {
        return read(bytes).reduce((sum, { length }) => sum + length, 0);
      } catch (error) {
        if (error instanceof RangeError) return 0;
        throw error;
      }
    };
    const almost = fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => bytes.map((byte) => (byte % 3 === 0 ? 0x0a : byte)));
    fc.assert(
      fc.property(almost, (bytes) => {
        expect(total(bytes)).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it("names the place and the fault", () => {
    const data = join(
      encodeProposals([Uint8Array.of(7)]),
      Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
    );
    expect(() => read(data)).toThrow(
      "Cannot read the proposal at 3 of 9: 4294967295 bytes where 0 are left",
    );
    expect(() => read(Uint8Array.of(0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0))).toThrow(
      "its length does not end",
    );
  });
});

describe("ProposalQueue", () => {
  const sizes = fc.oneof(
    { weight: 8, arbitrary: fc.nat(600) },
    { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 70_000 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(BATCH_BYTES - 5, BATCH_BYTES, BATCH_BYTES + 1, 700_000),
    },
  );
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), size: sizes }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("batch" as const), size: sizes }) },
    { weight: 1, arbitrary: fc.constant({ kind: "take" as const, size: 0 }) },
  );

  it("gives every proposal once, in order, in batches that stay as they are", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ProposalQueue();
        const taken: { readonly batch: Uint8Array; readonly copy: Uint8Array }[] = [];
        const expected: string[] = [];
        const name = (one: Uint8Array): string =>
          `${one.length}:${one[0] ?? ""}:${one.at(-1) ?? ""}`;
        const next = (size: number): Uint8Array => {
          const one = new Uint8Array(size).fill(expected.length % 251);
          expected.push(name(one));
          return one;
        };
        const take = (): void => {
          for (const batch of queue.take()) taken.push({ batch, copy: batch.slice() });
          expect(queue.bytes).toBe(0);
        };
        for (const { kind, size } of steps) {
          if (kind === "take") take();
          else if (kind === "add") {
            const one = next(size);
            queue.add(one);
            one.fill(255); // Its owner may use it again.
          } else queue.addBatch(encodeProposals([next(size), next(3)]));
        }
        take();
        for (const { batch, copy } of taken) {
          expect(Buffer.compare(batch, copy)).toBe(0);
          const count = countProposals(batch);
          expect(batch.length <= BATCH_BYTES || count <= 2).toBe(true);
        }
        const found = taken.flatMap(({ batch }) =>
          [...proposalsOf({ kind: "normal", data: batch })].map(name),
        );
        expect(found).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("makes one batch of what is small, and a batch of its own of what is large", () => {
    const queue = new ProposalQueue();
    for (let i = 0; i < 1_000; i++) queue.add(new Uint8Array(200));
    expect(queue.bytes).toBe(1_000 * 203);
    expect(queue.take().map(countProposals)).toEqual([1_000]);
    queue.add(new Uint8Array(10));
    queue.add(new Uint8Array(2 * BATCH_BYTES));
    queue.add(new Uint8Array(10));
    expect(queue.take().map(countProposals)).toEqual([1, 1, 1]);
  });

  it("takes a large batch of another member as it is, without copying it", () => {
    const queue = new ProposalQueue();
    const batch = encodeProposals([new Uint8Array(100_000)]);
    queue.addBatch(batch);
    expect(queue.take()[0]?.buffer).toBe(batch.buffer);
  });

  it("refuses what is no batch, and keeps what it had", () => {
    const queue = new ProposalQueue();
    queue.add(Uint8Array.of(5));
    expect(() => queue.addBatch(Uint8Array.of(1, 2))).toThrow(RangeError);
    queue.addBatch(new Uint8Array(0));
    expect(queue.take().map(read)).toEqual([["\u0005"]]);
  });
});
