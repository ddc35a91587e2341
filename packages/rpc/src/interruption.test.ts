import { describe, expect, it } from "vitest";
import { Interruption } from "./interruption.js";

const never = new Promise<never>(() => {});

describe("Interruption", () => {
  it("until() gives the promise's own outcome", async () => {
    const interruption = new Interruption();
    expect(await interruption.until(Promise.resolve(1))).toBe(1);
    await expect(interruption.until(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(await interruption.until(Promise.resolve(2))).toBe(2);
  });

  it("until() rejects with the reason, in the present wait and in all later ones", async () => {
    const interruption = new Interruption();
    const present = interruption.until(never);
    interruption.interrupt(new Error("stop"));
    interruption.interrupt(new Error("too late"));
    await expect(present).rejects.toThrow("stop");
    await expect(interruption.until(Promise.resolve(1))).rejects.toThrow("stop");
    await expect(interruption.until(Promise.reject(new Error("x")))).rejects.toThrow("stop");
  });
});
