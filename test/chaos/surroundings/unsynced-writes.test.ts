import { randomBelow, seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unsyncedFiles, withoutUnsynced } from "./unsynced-writes.js";

const INODE = 7n;
const RECORD_BYTES = 48;
const NOTHING_KEPT = { kept: 0, tornBytes: 0 };

type Step =
  | { readonly kind: "write" | "durable-write"; readonly offset: number; readonly bytes: number[] }
  | { readonly kind: "truncate"; readonly size: number }
  | { readonly kind: "sync" };

const bytes = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 8 });
const offset = fc.integer({ min: 0, max: 12 });
const write: fc.Arbitrary<Step> = fc.record({ kind: fc.constant("write" as const), offset, bytes });
const durableWrite: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("durable-write" as const),
  offset,
  bytes,
});
const truncate: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("truncate" as const),
  size: offset,
});
const sync: fc.Arbitrary<Step> = fc.constant({ kind: "sync" });

/** A file, and the journal that surroundings.c would keep of it. */
class JournaledFile {
  bytes = new Uint8Array(0);
  /** As it was at the last sync. */
  synced: Uint8Array = new Uint8Array(0);
  /** After each write since then. */
  since: Uint8Array[] = [];
  /** Bytes that a write of their own made durable since, and nothing changed again. */
  durable = new Map<number, number>();
  readonly #journal: Buffer[] = [];

  get journal(): Buffer {
    return Buffer.concat(this.#journal);
  }

  do(step: Step): void {
    switch (step.kind) {
      case "write":
      case "durable-write":
        this.#record(1, step.offset, step.bytes.length, this.bytes.slice(step.offset));
        this.#write(step.offset, step.bytes);
        this.since.push(this.bytes);
        for (const [i, byte] of step.bytes.entries()) {
          if (step.kind === "write") this.durable.delete(step.offset + i);
          else this.durable.set(step.offset + i, byte);
        }
        if (step.kind === "durable-write") this.#record(2, step.offset, step.bytes.length);
        return;
      case "truncate": {
        if (step.size >= this.bytes.length) return;
        this.#record(4, step.size, 0, this.bytes.slice(step.size));
        this.bytes = this.bytes.slice(0, step.size);
        this.since.push(this.bytes);
        this.durable.clear();
        return;
      }
      case "sync":
        this.#record(3, 0, 0);
        this.synced = this.bytes;
        this.since = [];
        this.durable.clear();
    }
  }

  #write(at: number, news: readonly number[]): void {
    const next = new Uint8Array(Math.max(this.bytes.length, at + news.length));
    next.set(this.bytes);
    next.set(news, at);
    this.bytes = next;
  }

  #record(kind: number, at: number, length: number, behind = new Uint8Array(0)): void {
    const old = kind === 4 ? behind : behind.slice(0, length);
    const head = Buffer.alloc(RECORD_BYTES);
    const fields = [kind, Number(INODE), at, length, this.bytes.length, old.length];
    for (const [i, field] of fields.entries()) head.writeBigUInt64LE(BigInt(field), 8 * i);
    this.#journal.push(head, Buffer.from(old));
  }
}

function fileAfter(steps: readonly Step[]): JournaledFile {
  const file = new JournaledFile();
  for (const step of steps) file.do(step);
  return file;
}

function afterLoss(
  file: JournaledFile,
  cut: { readonly kept: number; readonly tornBytes: number },
) {
  const unsynced = unsyncedFiles(file.journal).get(INODE);
  return unsynced ? withoutUnsynced(file.bytes, unsynced, cut) : file.bytes;
}

describe("withoutUnsynced()", () => {
  it("gives the file as it was at the last sync, where nothing is kept", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(write, truncate, sync), { maxLength: 20 }), (steps) => {
        const file = fileAfter(steps);
        expect([...afterLoss(file, NOTHING_KEPT)]).toEqual([...file.synced]);
      }),
    );
  });

  it("gives the file as it was after the writes that are kept", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(write, truncate, sync), { maxLength: 20 }),
        fc.nat(),
        (steps, number) => {
          const file = fileAfter(steps);
          const kept = number % (file.since.length + 1);
          const expected = kept === 0 ? file.synced : (file.since[kept - 1] ?? []);
          expect([...afterLoss(file, { kept, tornBytes: 0 })]).toEqual([...expected]);
        },
      ),
    );
  });

  it("loses no byte that a write of its own made durable, whatever else is lost", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(write, durableWrite, sync), { maxLength: 20 }),
        fc.integer({ min: 0, max: 2 ** 31 }),
        (steps, seed) => {
          const file = fileAfter(steps);
          const random = seededRandom(seed);
          const cut = { kept: randomBelow(random, 5), tornBytes: randomBelow(random, 5) };
          const left = afterLoss(file, cut);
          for (const [at, byte] of file.durable) expect(left[at]).toBe(byte);
        },
      ),
    );
  });

  it("keeps the first bytes of a torn write", () => {
    const file = fileAfter([
      { kind: "write", offset: 0, bytes: [1, 2, 3] },
      { kind: "sync" },
      { kind: "write", offset: 1, bytes: [7, 8, 9] },
    ]);
    expect([...afterLoss(file, { kept: 0, tornBytes: 1 })]).toEqual([1, 7, 3]);
  });
});

describe("unsyncedFiles()", () => {
  it("takes a journal that was cut off in its last record", () => {
    const { journal } = fileAfter([
      { kind: "write", offset: 0, bytes: [1, 2, 3] },
      { kind: "sync" },
    ]);
    expect(unsyncedFiles(journal.subarray(0, -1)).get(INODE)?.writes).toHaveLength(1);
    expect(unsyncedFiles(journal).size).toBe(0);
  });

  it("refuses a journal that is damaged", () => {
    expect(() => unsyncedFiles(Buffer.alloc(RECORD_BYTES, 0xff))).toThrow(
      "the journal is damaged at 0",
    );
  });
});
