import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Supervisor } from "./supervisor.js";

/** Says its name and waits; `dies` ends at once, `stubborn` does not hear SIGTERM. */
const PROGRAM = `
  const [name] = process.argv.slice(1);
  console.error("I am " + name);
  if (name === "dies") process.exit(3);
  if (name === "stubborn") process.on("SIGTERM", () => console.error("no"));
  process.stdin.on("close", () => process.exit(0)).resume();
  setInterval(() => {}, 1000);
`;

describe("Supervisor", () => {
  let folder: string;
  let clock: VirtualClock;
  let reports: string[];
  let supervisor: Supervisor;

  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/sagong-supervisor-`);
    clock = new VirtualClock();
    reports = [];
    supervisor = new Supervisor({
      clock,
      program: [process.execPath, "-e", PROGRAM],
      report: (message) => reports.push(message),
    });
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function start(name: string): void {
    supervisor.start({ name, args: [name], logFile: `${folder}/log/${name}.log` });
  }

  function isAlive(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch {
      return false; // No such process: that is what was asked.
    }
  }

  it("start() runs the part and writes down what it says", async () => {
    start("a");
    await vi.waitFor(() => expect(supervisor.lastWords("a")).toBe("I am a\n"));
    await supervisor.stop([["a"]]);
    expect(readFileSync(`${folder}/log/a.log`, "utf8")).toBe("I am a\n");
  });

  it("reports a part that dies with its last words, and starts it again, each time slower", async () => {
    start("dies");
    for (const delayMs of [500, 1000, 2000]) {
      reports.length = 0;
      await vi.waitFor(() => expect(reports).toHaveLength(1), { timeout: 5000 });
      expect(reports[0]).toBe(
        `dies ended (exit code 3); starting it again in ${delayMs / 1000} s\n  its last words: I am dies`,
      );
      clock.advance(delayMs - 1);
      expect(reports).toHaveLength(1);
      clock.advance(1);
      expect(reports[1]).toBe("dies started again");
    }
    await supervisor.stop([["dies"]]);
  });

  it("starts a part that was killed as another process", async () => {
    start("a");
    await vi.waitFor(() => expect(supervisor.lastWords("a")).toBe("I am a\n"));
    const first = supervisor.pids().get("a") ?? 0;
    process.kill(first, "SIGKILL");
    await vi.waitFor(() => expect(reports.join()).toContain("a ended (SIGKILL)"));
    clock.advance(500);
    const second = supervisor.pids().get("a") ?? 0;
    expect(second).not.toBe(first);
    expect(isAlive(second)).toBe(true);
    await supervisor.stop([["a"]]);
    expect(isAlive(second)).toBe(false);
  });

  it("stop() ends one group after the other", async () => {
    start("first");
    start("second");
    await vi.waitFor(() => expect(supervisor.lastWords("second")).toBe("I am second\n"));
    const pids = supervisor.pids();
    await supervisor.stop([["first"], ["second"]]);
    for (const pid of pids.values()) expect(isAlive(pid)).toBe(false);
    expect(reports).toEqual([]);
  });

  it("stop() kills a part that does not stop in 15 s", async () => {
    start("stubborn");
    await vi.waitFor(() => expect(supervisor.lastWords("stubborn")).toBe("I am stubborn\n"));
    const stopped = supervisor.stop([["stubborn"]]);
    await vi.waitFor(() => expect(supervisor.lastWords("stubborn")).toContain("no"));
    clock.advance(15_000);
    await stopped;
    expect(reports).toEqual(["stubborn does not stop: killing it"]);
  });
});
