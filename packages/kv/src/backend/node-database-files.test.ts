import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DatabaseFile } from "./databases.js";
import { nodeDatabaseFiles } from "./node-database-files.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/sagong-database-files-`);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function readAll(file: DatabaseFile, length: number): Promise<[Uint8Array, Uint8Array]> {
  const [sync, first, second] = [length, length >> 1, length - (length >> 1)].map(
    (size) => new Uint8Array(size),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  expect(file.readSync(sync, 0)).toBe(length);
  expect(await file.read([first, second], 0)).toBe(length);
  return [sync, Uint8Array.from([...first, ...second])];
}

describe("nodeDatabaseFiles()", () => {
  it("has what was written, wherever, for readers at once and for who opens it again", async () => {
    const write = fc.record({
      /** Of the file's size: 1 appends. */
      at: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
      parts: fc.array(fc.nat(5_000), { minLength: 1, maxLength: 4 }),
    });
    const runs = fc.array(fc.array(write, { maxLength: 6 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(runs, async (opened) => {
        const files = nodeDatabaseFiles(dir);
        await files.remove("one");
        let file = await files.create("one");
        let model = new Uint8Array(0);
        let fill = 0;
        for (const writes of opened) {
          expect(file.sizeBytes).toBe(model.length);
          for (const { at, parts } of writes) {
            const position = Math.floor(at * model.length);
            const bytes = parts.map((length) =>
              new Uint8Array(length).fill((fill = 1 + (fill % 255))),
            );
            await file.write(bytes, position);
            const whole = Buffer.concat(bytes);
            const longer = new Uint8Array(Math.max(model.length, position + whole.length));
            longer.set(model);
            longer.set(whole, position);
            model = longer;
            for (const read of await readAll(file, model.length)) {
              expect(Buffer.compare(read, model)).toBe(0);
            }
          }
          await file.sync();
          await file.close();
          expect(statSync(join(dir, "one")).size).toBe(model.length);
          file = await files.open("one");
        }
        await file.close();
      }),
      { numRuns: 60 },
    );
  });
});
