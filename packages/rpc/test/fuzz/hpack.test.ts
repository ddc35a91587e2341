/**
 * HPACK by seed: what our encoder writes, through every change of the table, is what was given to
 * it; and our decoder makes of any blocks, right or mutated, new or known, what a naive one does.
 */
import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../src/http2/hpack/header-field.js";
import { HpackDecoder } from "../../src/http2/hpack/hpack-decoder.js";
import { HpackEncoder } from "../../src/http2/hpack/hpack-encoder.js";
import { HpackError } from "../../src/http2/hpack/hpack-error.js";
import { type Dice, forSeeds } from "../support/dice.js";
import { type Line, NaiveDecoder } from "../support/naive-hpack.js";

const NAMES = [":path", ":method", "content-type", "a", "custom-name", "cookie", "x".repeat(300)];
const INDEXINGS = ["incremental", "incremental", "without", "never"] as const;

function fieldsOf(dice: Dice): HeaderField[] {
  return Array.from({ length: dice.below(8) }, () => {
    const length = dice.size(3_000) % 3_000;
    const value = dice.oneIn(2)
      ? dice.pick(["", "GET", "/", "application/grpc", "1"])
      : String.fromCharCode(...dice.bytes(length));
    return { name: dice.pick(NAMES), value, indexing: dice.pick(INDEXINGS) };
  });
}

const linesOf = (fields: readonly HeaderField[]): Line[] =>
  fields.map(({ name, value }): Line => [name, value]);

function tableOf({ table }: HpackDecoder | HpackEncoder): Line[] {
  return Array.from({ length: table.length }, (_, i): Line => {
    const entry = table.at(i);
    return [entry?.name ?? "none", entry?.value ?? "none"];
  });
}

/** One of few lists, so that blocks come again, and are known. */
function blockOf(dice: Dice, encoder: HpackEncoder, shared: readonly HeaderField[][]): number[] {
  if (dice.oneIn(6)) encoder.limitTable(dice.pick([0, 40, 100, 1_000, 4_096]));
  const list = dice.pick(shared);
  return [...(dice.oneIn(2) ? encoder.encodeShared(list) : encoder.encode(list))];
}

/** Ours; undefined where it takes the block for a decoding error. */
function decode(decoder: HpackDecoder, block: readonly number[]): Line[] | undefined {
  try {
    return linesOf(decoder.decode(Uint8Array.from(block)).fields);
  } catch (error) {
    if (error instanceof HpackError) return undefined;
    throw error;
  }
}

describe("HPACK", () => {
  it("gives back what was encoded, and both tables are alike after each block", () => {
    forSeeds(60, (dice) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder({ listBytesMax: 1_000_000 });
      const shared = Array.from({ length: 4 }, () => fieldsOf(dice));
      for (let i = 0; i < 30; i++) {
        if (dice.oneIn(5)) encoder.limitTable(dice.pick([0, 33, 100, 500, 4_096, 100_000]));
        const list = dice.oneIn(2) ? dice.pick(shared) : fieldsOf(dice);
        const block = shared.includes(list) ? encoder.encodeShared(list) : encoder.encode(list);
        expect(linesOf(decoder.decode(block).fields)).toEqual(linesOf(list));
        expect(tableOf(decoder)).toEqual(tableOf(encoder));
      }
    });
  });

  it("is decoded as a naive decoder does it, mutated or not", () => {
    let [taken, refused] = [0, 0];
    forSeeds(150, (dice) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder({ listBytesMax: 1_000_000 });
      const naive = new NaiveDecoder();
      const shared = Array.from({ length: 3 }, () => fieldsOf(dice).slice(0, 3));
      for (let i = 0; i < 15; i++) {
        const block = blockOf(dice, encoder, shared);
        if (dice.oneIn(4) && block.length > 0) {
          block[dice.below(Math.min(block.length, 12))] = dice.below(256);
        }
        if (dice.oneIn(20)) block.unshift(...dice.bytes(dice.below(4)));
        const expected = naive.decode(block);
        expect(decode(decoder, block)).toEqual(expected);
        if (expected === undefined) {
          refused++;
          return;
        }
        taken++;
        expect(tableOf(decoder)).toEqual(naive.table);
      }
    });
    expect(Math.min(taken, refused)).toBeGreaterThan(0);
  });

  it("makes of random octets what a naive decoder makes of them", () => {
    forSeeds(400, (dice) => {
      const decoder = new HpackDecoder({ listBytesMax: 1_000_000 });
      const naive = new NaiveDecoder();
      const blocks = Array.from({ length: 3 }, () => [...dice.bytes(dice.below(12))]);
      for (let i = 0; i < 12; i++) {
        const block = dice.pick(blocks);
        const expected = naive.decode(block);
        expect(decode(decoder, block)).toEqual(expected);
        if (expected === undefined) return;
        expect(tableOf(decoder)).toEqual(naive.table);
      }
    });
  });

  it("a size update in a block that comes again is applied again", () => {
    forSeeds(100, (dice) => {
      const decoder = new HpackDecoder({ listBytesMax: 1_000_000 });
      const naive = new NaiveDecoder();
      const blocks = [
        [0x20, 0x82],
        [0x3f, 0xe1, 0x1f, 0x84],
        [0x3f, 0x20],
        [0x40, 1, 97, 1, 98],
        [0x82],
      ];
      for (let i = 0; i < 30; i++) {
        const block = dice.pick(blocks);
        expect(decode(decoder, block)).toEqual(naive.decode(block));
        expect(tableOf(decoder)).toEqual(naive.table);
      }
    });
  });
});
