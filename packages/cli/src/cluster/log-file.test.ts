import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogFile } from "./log-file.js";

describe("LogFile", () => {
  let folder: string;
  let said: string[];
  const reporter = { say: (message: string): number => said.push(message) };

  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/sagong-log-`);
    said = [];
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("appends to what is there", async () => {
    for (const text of ["one\n", "two\n"]) {
      const log = new LogFile(`${folder}/a.log`, reporter);
      log.write(text);
      await log.close();
    }
    expect(readFileSync(`${folder}/a.log`, "utf8")).toBe("one\ntwo\n");
  });

  it("keeps one former file when it grows beyond its limit", async () => {
    const log = new LogFile(`${folder}/a.log`, reporter);
    const megabyte = Buffer.alloc(1024 * 1024, "x");
    for (let i = 0; i < 34; i++) log.write(megabyte);
    await log.close();
    expect(statSync(`${folder}/a.log.1`).size).toBe(33 * megabyte.length);
    expect(statSync(`${folder}/a.log`).size).toBe(megabyte.length);
  });

  it("says once that it cannot be written, and does not fail its writer", async () => {
    const log = new LogFile(`${folder}/missing/a.log`, reporter);
    log.write("one");
    await vi.waitFor(() => expect(said).toHaveLength(1));
    log.write("two");
    await log.close();
    expect(said[0]).toContain("a.log cannot be written");
    expect(said).toHaveLength(1);
  });
});
