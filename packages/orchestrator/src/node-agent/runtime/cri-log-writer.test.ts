import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CriLogWriter } from "./cri-log-writer.js";

let dir: string;
let errors: unknown[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sagong-cri-"));
  errors = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const TIME = "2026-01-01T00:00:00.000000000Z";
const open = (
  more: { maxFileBytes?: number; maxFiles?: number; path?: string } = {},
): CriLogWriter =>
  new CriLogWriter({
    path: join(dir, "c", "0.log"),
    clock: new VirtualClock(),
    onError: (error) => errors.push(error),
    ...more,
  });
const text = (suffix = ""): string => readFileSync(join(dir, "c", `0.log${suffix}`), "utf8");

describe("CriLogWriter", () => {
  it("writes a record a line, whatever pieces it comes in, each stream by itself", async () => {
    const writer = open();
    writer.write("stdout", Buffer.from("one\ntw"));
    writer.write("stderr", Buffer.from("err\n\n"));
    writer.write("stdout", Buffer.from("o\nrest"));
    await writer.close();
    expect(text().split("\n")).toEqual([
      `${TIME} stdout F one`,
      `${TIME} stderr F err`,
      `${TIME} stderr F `,
      `${TIME} stdout F two`,
      `${TIME} stdout P rest`, // Its end never came.
      "",
    ]);
  });

  it("splits long lines at 16 KiB, and does not mark the last piece as partial", async () => {
    const writer = open();
    writer.write("stdout", Buffer.from(`${"a".repeat(40_000)}\n`));
    await writer.close();
    const records = text().trimEnd().split("\n");
    expect(
      records.map((one) => [one.split(" ")[2], one.length - `${TIME} stdout F `.length]),
    ).toEqual([
      ["P", 16_384],
      ["P", 16_384],
      ["F", 40_000 - 2 * 16_384],
    ]);
  });

  it("goes on in the file of a former agent", async () => {
    for (const line of ["one\n", "two\n"]) {
      const writer = open();
      writer.write("stdout", Buffer.from(line));
      await writer.close();
    }
    expect(text().match(/F .*/g)).toEqual(["F one", "F two"]);
  });

  it("rotates by size, keeps so many files, and loses no whole record between", async () => {
    const writer = open({ maxFileBytes: 200, maxFiles: 3 });
    for (let i = 0; i < 20; i++) writer.write("stdout", Buffer.from(`line ${i}\n`));
    await writer.close();
    const kept = [text(".2"), text(".1"), text()].join("").match(/line \d+/g) ?? [];
    const first = 20 - kept.length;
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `line ${first + i}`));
    expect(kept.length).toBeGreaterThan(8);
    expect(existsSync(join(dir, "c", "0.log.3"))).toBe(false);
  });

  it.skipIf(!existsSync("/dev/full"))(
    "tells of a full disk, and does not hold its source up",
    async () => {
      const writer = open({ path: "/dev/full" });
      writer.write("stdout", Buffer.from("lost\n"));
      await new Promise<void>((resolve) => writer.onDrain(resolve));
      expect(String(errors[0])).toContain("ENOSPC");
      expect(writer.write("stdout", Buffer.from("lost too\n"))).toBe(true);
      await writer.close();
    },
  );
});
