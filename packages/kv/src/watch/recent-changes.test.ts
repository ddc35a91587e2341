import { describe, expect, it } from "vitest";
import { EventType } from "../gen/kv.js";
import type { Change } from "../mvcc/change.js";
import { RecentChanges } from "./recent-changes.js";

const change = (revision: number, bytes: Uint8Array = new Uint8Array(1)): Change => ({
  key: "k",
  type: EventType.PUT,
  revision,
  bytes,
  byteLength: bytes.length,
  event: { type: EventType.PUT, kv: undefined, prevKv: undefined },
});

/** Bytes. */
const LIMIT = 10_000_000;

describe("RecentChanges", () => {
  it("has each revision since the first that was given", () => {
    const recent = new RecentChanges(LIMIT);
    expect(recent.isEmpty).toBe(true);
    expect(recent.has(0)).toBe(false);
    for (const revision of [7, 8, 9]) recent.append([change(revision)], revision);
    expect([6, 7, 9, 10].map((revision) => recent.has(revision))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(recent.at(8)[0]?.revision).toBe(8);
    recent.clear();
    expect(recent.has(8)).toBe(false);
    recent.append([change(20)], 20);
    expect([recent.first, recent.last]).toEqual([20, 20]);
  });

  it("append() refuses a gap", () => {
    const recent = new RecentChanges(LIMIT);
    recent.append([change(2)], 2);
    expect(() => recent.append([change(4)], 4)).toThrow("revision 4 come behind those of 2");
  });

  it("forgets the oldest when it holds too much, and none in between", () => {
    const recent = new RecentChanges(LIMIT);
    const bytes = new Uint8Array(10_000);
    for (let revision = 2; revision < 5_000; revision++) {
      recent.append([change(revision, bytes)], revision);
    }
    const { first } = recent;
    expect(first).toBeGreaterThan(2);
    expect(recent.last).toBe(4_999);
    const kept = Array.from({ length: 5_000 - first }, (_, i) => first + i);
    expect(kept.map((revision) => recent.at(revision)[0]?.revision)).toEqual(kept);
    expect(kept.length * 10_200).toBeLessThanOrEqual(LIMIT);
  });
});
