import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { SimulatedDatabase } from "./simulated-database.js";

describe("SimulatedDatabase", () => {
  it("flipBit() changes what is stored, and nothing in the memory of whoever wrote it", () => {
    const random = seededRandom(1);
    // A Buffer's slice() is a view: a copy must be made otherwise.
    const written = Buffer.alloc(100);
    let flips = 0;
    for (let i = 0; i < 50; i++) {
      const database = new SimulatedDatabase();
      database.write([["key", written]], "synced");
      database.recover({ lies: false });
      if (database.flipBit(random)?.startsWith("bit ") !== true) continue;
      flips++;
      expect(Buffer.compare(database.get("key") ?? written, written)).not.toBe(0);
    }
    expect(flips).toBeGreaterThan(0);
    expect(written.every((byte) => byte === 0)).toBe(true);
  });
});
