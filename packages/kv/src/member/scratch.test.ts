import { describe, expect, it } from "vitest";
import { Scratch } from "./scratch.js";

describe("Scratch", () => {
  it("lends the same memory, and more where more is asked for, up to its limit", () => {
    const scratch = new Scratch(1_000);
    const small = scratch.room(100);
    expect(small?.length).toBe(200);
    expect(scratch.room(200)).toBe(small);
    expect(scratch.room(600)?.length).toBe(1_000);
    expect(scratch.room(1_000)?.length).toBe(1_000);
    expect(scratch.room(1_001)).toBeUndefined();
  });
});
