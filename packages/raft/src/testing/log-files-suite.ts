/** What every `LogFiles` must do; `reopened` is what another process would have after this one. */
import { assert, hasCode } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogFile, LogFiles } from "../storage/log-files.js";

export interface LogFilesFixture {
  /** An empty folder. */
  readonly files: LogFiles;
  reopened(): Promise<LogFiles>;
  remove(): Promise<void>;
}

interface Write {
  /** `append` goes where the last of an opened file ended. */
  readonly kind: "write" | "append" | "zeros";
  readonly at: number;
  readonly length: number;
}

type Step =
  /** All between one opening and the file's end. */
  | { readonly kind: "open"; readonly name: string; readonly writes: readonly Write[] }
  | { readonly kind: "truncate"; readonly name: string; readonly part: number }
  | { readonly kind: "remove" | "sync"; readonly name: string };

const name = fc.constantFrom("a", "b");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("open" as const),
    name,
    writes: fc.array(
      fc.record({
        kind: fc.constantFrom("write" as const, "append" as const, "zeros" as const),
        // Disks and file systems have blocks of 512 to 4,096 bytes.
        at: fc.oneof(
          fc.nat(2_000),
          fc.nat(5).map((block) => 4_096 * block),
        ),
        length: fc.oneof(fc.integer({ min: 1, max: 1_500 }), fc.integer({ min: 1, max: 20_000 })),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  }),
  fc.record({
    kind: fc.constant("truncate" as const),
    name,
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ kind: fc.constantFrom("remove" as const, "sync" as const), name }),
);

export function logFilesSuite(title: string, create: () => Promise<LogFilesFixture>): void {
  const test = (what: string, run: (fixture: LogFilesFixture) => Promise<void>): void => {
    it(what, async () => {
      const fixture = await create();
      try {
        await fixture.files.make();
        await run(fixture);
      } finally {
        await fixture.remove();
      }
    });
  };

  describe(title, () => {
    test("a new folder is empty, and made only once", async ({ files }) => {
      await files.make();
      expect(await files.list()).toEqual([]);
    });

    test("create() makes an empty file, and takes no other's place", async ({ files }) => {
      const file = await files.create("a");
      expect(file.sizeBytes).toBe(0);
      expect(await files.list()).toEqual(["a"]);
      expect(await files.read("a")).toEqual(new Uint8Array(0));
      expect(await codeOf(files.create("a"))).toBe("EEXIST");
      await file.close();
    });

    test("a file that is not there cannot be opened or read, and may be removed", async ({
      files,
    }) => {
      expect(await codeOf(files.open("a"))).toBe("ENOENT");
      expect(await codeOf(files.read("a"))).toBe("ENOENT");
      await files.remove("a");
    });

    test("writes parts one behind the other, and zeros into what lies before them", async ({
      files,
    }) => {
      const file = await files.create("a");
      await file.writeDurably([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)], 4);
      expect([...(await files.read("a"))]).toEqual([0, 0, 0, 0, 1, 2, 3]);
      await file.close();
    });

    test("the caller's bytes are its own again after a write", async ({ files }) => {
      const file = await files.create("a");
      const bytes = Uint8Array.of(1);
      await file.writeDurably([bytes], 0);
      bytes[0] = 2;
      expect([...(await files.read("a"))]).toEqual([1]);
      const read = await files.read("a");
      read[0] = 3;
      expect([...(await files.read("a"))]).toEqual([1]);
      await file.close();
    });

    test("is what was asked for, through every order of calls and over a restart", async (fixture) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const files = await fixture.reopened();
          for (const old of await files.list()) await files.remove(old);
          const model = new Map<string, number[]>();
          for (const one of steps) await carryOut(files, one, model);
          const again = await fixture.reopened();
          expect((await again.list()).toSorted()).toEqual([...model.keys()].toSorted());
          for (const [known, bytes] of model) expect([...(await again.read(known))]).toEqual(bytes);
        }),
        { numRuns: 30 },
      );
    });
  });
}

async function carryOut(files: LogFiles, one: Step, model: Map<string, number[]>): Promise<void> {
  const known = model.get(one.name);
  switch (one.kind) {
    case "sync":
      return await files.sync();
    case "remove":
      model.delete(one.name);
      return await files.remove(one.name);
    case "truncate": {
      if (!known) return;
      const length = Math.floor(one.part * known.length);
      known.length = length;
      return await files.truncate(one.name, length);
    }
    default: {
      const file = known ? await files.open(one.name) : await files.create(one.name);
      const bytes = known ?? [];
      assert(file.sizeBytes === bytes.length, `it says ${file.sizeBytes}, has ${bytes.length}`);
      let end = 0;
      for (const each of one.writes) {
        const write = each.kind === "append" ? { ...each, at: end } : each;
        await carryOutWrite(file, write, bytes);
        if (each.kind !== "zeros") end = write.at + write.length;
      }
      model.set(one.name, bytes);
      await file.close();
    }
  }
}

async function carryOutWrite(
  file: LogFile,
  { kind, at, length }: Write,
  model: number[],
): Promise<void> {
  while (model.length < at) model.push(0);
  const byte = kind === "zeros" ? 0 : 1 + (length % 255);
  for (let i = at; i < at + length; i++) model[i] = byte;
  if (kind === "zeros") await file.writeZeros(length, at);
  else await file.writeDurably([new Uint8Array(length).fill(byte)], at);
  await file.sync();
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    return ["EEXIST", "ENOENT"].find((code) => hasCode(error, code)) ?? String(error);
  }
}
