import { concatBytes } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyParts } from "./body-parts.js";

describe("BodyParts", () => {
  it("gives what was pushed, in order, however pushes and reads mix, and no views of it", () => {
    const step = fc.oneof(
      fc.constant("read" as const),
      fc.uint8Array({ maxLength: 10 }),
      fc.integer({ min: 4_000, max: 5_000 }).map((bytes) => new Uint8Array(bytes).fill(bytes)),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const parts = new BodyParts();
        const pushed: Uint8Array[] = [];
        const read: Uint8Array[] = [];
        const take = (): boolean => {
          const part = parts.shift();
          if (part !== undefined) read.push(part);
          return part !== undefined;
        };
        for (const one of steps) {
          if (one === "read") {
            take();
            continue;
          }
          pushed.push(one.slice());
          const chunk = one.slice();
          parts.push(chunk);
          chunk.fill(0xee);
        }
        while (take());
        expect(Buffer.compare(concatBytes(read), concatBytes(pushed))).toBe(0);
      }),
    );
  });

  it("puts small parts together while nobody reads", () => {
    const parts = new BodyParts();
    for (let i = 0; i < 100_000; i++) parts.push(Uint8Array.of(i));
    let count = 0;
    while (parts.shift() !== undefined) count++;
    expect(count).toBeLessThan(30);
  });
});
