import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock } from "@sagong/base/real";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LogQuery, parseLogQuery } from "./log-query.js";
import { readLog } from "./log-reader.js";

let path: string;
let running: boolean;
let abort: AbortController;

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "sagong-log-")), "0.log");
  running = false;
  abort = new AbortController();
});
afterEach(() => rmSync(join(path, ".."), { recursive: true, force: true }));

const record = (second: number, text: string, stream = "stdout", tag = "F"): string =>
  `2026-01-01T00:00:${String(second).padStart(2, "0")}.000000000Z ${stream} ${tag} ${text}\n`;

function query(text: string): LogQuery {
  const parsed = parseLogQuery(new URLSearchParams(text), Date.parse("2026-01-01T00:01:00Z"));
  if ("error" in parsed) throw new Error(parsed.error);
  return parsed;
}

async function* read(text: string): AsyncGenerator<string> {
  const source = {
    path,
    isRunning: () => Promise.resolve(running),
    clock: realClock(),
    signal: abort.signal,
  };
  yield* readLog(source, query(text));
}

async function all(text = ""): Promise<string> {
  let log = "";
  for await (const part of read(text)) log += part;
  return log;
}

describe("readLog()", () => {
  beforeEach(() => {
    writeFileSync(
      path,
      record(1, "one") +
        record(2, "err", "stderr") +
        record(3, "par", "stdout", "P") +
        record(3, "tial"),
    );
  });

  it.each<[string, string]>([
    ["", "one\nerr\npartial\n"],
    ["stream=Stderr", "err\n"],
    ["stream=Stdout", "one\npartial\n"],
    ["tailLines=0", ""],
    ["tailLines=100", "one\nerr\npartial\n"],
    ["sinceTime=2026-01-01T00:00:02Z", "err\npartial\n"],
    ["sinceSeconds=57", "partial\n"],
    ["limitBytes=5", "one\ne"],
    ["timestamps=true&stream=Stderr", "2026-01-01T00:00:02.000000000Z err\n"],
  ])("selects by %j", async (text, wanted) => {
    expect(await all(text)).toBe(wanted);
  });

  it("reads rotated files first, the oldest before the others", async () => {
    writeFileSync(`${path}.2`, record(0, "oldest"));
    writeFileSync(`${path}.1`, record(0, "older"));
    expect(await all()).toBe("oldest\nolder\none\nerr\npartial\n");
  });

  it("follows what is written later, through a rotation, to the end of the container", async () => {
    running = true;
    const log: string[] = [];
    const reading = (async () => {
      for await (const part of read("follow=true&tailLines=1")) log.push(part);
    })();
    const seen = (text: string): Promise<void> =>
      vi.waitFor(() => expect(log.join("")).toContain(text));
    await seen("tial\n");
    appendFileSync(path, record(4, "four"));
    await seen("four\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, record(5, "five"));
    await seen("five\n");
    appendFileSync(path, record(6, "six"));
    running = false;
    await reading;
    expect(log.join("")).toMatch(/^(partial|tial)\nfour\nfive\nsix\n$/);
  });

  it("ends where its reader goes, and is empty where there is no file", async () => {
    running = true;
    const reading = all("follow=true");
    abort.abort(new Error("gone"));
    expect(await reading).toContain("one\n");
    running = false;
    rmSync(path);
    expect(await all("follow=true")).toBe("");
  });
});

describe("parseLogQuery()", () => {
  it.each<[string, string]>([
    ["tailLines=-1", 'tailLines: Invalid value: "-1"'],
    ["limitBytes=x", 'limitBytes: Invalid value: "x"'],
    ["sinceTime=yesterday", 'sinceTime: Invalid value: "yesterday"'],
    ["stream=Both", 'stream: Unsupported value: "Both"'],
  ])("refuses %s", (text, message) => {
    expect(() => query(text)).toThrow(message);
  });
});
