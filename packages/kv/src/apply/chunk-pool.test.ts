import { VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { CHUNK_BYTES, ChunkPool } from "./chunk-pool.js";

describe("ChunkPool", () => {
  it("take() gives what was given back, and else what is new", () => {
    const pool = new ChunkPool(new VirtualClock());
    const [first, second] = [pool.take(), pool.take()];
    expect(first).not.toBe(second);
    pool.giveBack([first]);
    expect(pool.take()).toBe(first);
    expect(pool.take()).not.toBe(second);
  });

  it("giveBack() keeps no more than 32 MiB, and for no longer than nobody gives any back", () => {
    const clock = new VirtualClock();
    const pool = new ChunkPool(clock);
    pool.giveBack(Array.from({ length: 600 }, () => new Uint8Array(CHUNK_BYTES)));
    expect(pool.freeBytes).toBe(32 * 1024 * 1024);
    clock.advance(9_000);
    pool.giveBack([pool.take()]);
    clock.advance(9_000);
    expect(pool.freeBytes).toBeGreaterThan(0);
    clock.advance(1_000);
    expect(pool.freeBytes).toBe(0);
  });

  it("close() keeps nothing, nor what comes later", () => {
    const pool = new ChunkPool(new VirtualClock());
    const [first, second] = [pool.take(), pool.take()];
    pool.giveBack([first]);
    pool.close();
    pool.giveBack([second]);
    expect(pool.freeBytes).toBe(0);
  });
});
