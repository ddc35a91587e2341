import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatSchedule, readSchedule } from "../faults/read-schedule.js";
import { readSimulateFlags } from "./command-line.js";
import { type ProgramIo, runSimulate } from "./program.js";
import { VirtualClock } from "@sagong/base";

describe("readSimulateFlags()", () => {
  it("has a default for everything", () => {
    expect(readSimulateFlags([])).toMatchObject({
      action: "run",
      seed: 1,
      seeds: 1,
      safetyMs: 240_000,
    });
  });

  it("reads what is given", () => {
    const flags = readSimulateFlags(
      "--seed 7 --minutes 2 --members 5 --faults network,power-loss --seconds 30 --no-color".split(
        " ",
      ),
    );
    expect(flags).toMatchObject({ seed: 7, minutes: 2, members: 5, safetyMs: 30_000 });
    expect(flags.faults).toEqual(["network", "power-loss"]);
    expect(flags.isColored).toBe(false);
  });

  for (const wrong of [
    "--seed x",
    "--seed 1.5",
    "--seeds 0",
    "--members 2",
    "--seconds 1",
    "--seeds 2 --minutes 3",
    "--schedule a.json --seeds 2",
    "--schedule a.json --faults network",
    "--what",
    "alone",
  ]) {
    it(`refuses ${wrong}`, () => {
      expect(() => readSimulateFlags(wrong.split(" "))).toThrow(/--|positional/);
    });
  }
});

describe("runSimulate()", () => {
  const run = async (
    argv: string,
    signal?: AbortSignal,
  ): Promise<{ code: number; out: string; err: string }> => {
    const said = { out: "", err: "" };
    const io: ProgramIo = {
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      columns: undefined,
      clock: new VirtualClock(),
      ...(signal && { signal }),
    };
    return { code: await runSimulate(argv.split(" "), io), ...said };
  };

  it("begins no seed, and reports, where it has been stopped", async () => {
    const { code, out } = await run("--seeds 1000", AbortSignal.abort());
    expect(code).toBe(130);
    expect(out).toMatch(/^seeds +0$/m);
  });

  it("answers bad usage with 2 and one sentence", async () => {
    const { code, out, err } = await run("--faults no-such-fault");
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^simulate: .*no-such-fault.*--help\)\n$/);
  });

  it("runs the faults of a file, and prints those of a run that fails as such a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sagong-schedule-"));
    const file = join(folder, "faults.json");
    try {
      // Nobody promises anything of such a run: what it fails by is that it is refused.
      const schedule = [0, 1].map((member) => {
        return { fault: "bit-flip-log", atMs: 3_000, durationMs: 500, parameters: { member } };
      });
      writeFileSync(file, formatSchedule(schedule));
      const { code, out } = await run(
        `--seed 3 --members 3 --seconds 5 --no-shrink --schedule ${file}`,
      );
      expect(code).toBe(1);
      expect(out).toContain("it damages 2 of 3 members");
      expect(out).toContain(`again: npm run simulate -- --seed 3 --members 3 --schedule ${file}`);
      const printed = /^\[\n(?: .*\n)+\]$/m.exec(out)?.[0];
      expect(readSchedule(printed ?? "")).toEqual(schedule);

      writeFileSync(file, '[{"fault":"earthquake"}]');
      const refused = await run(`--schedule ${file}`);
      expect([refused.code, refused.out]).toEqual([2, ""]);
      expect(refused.err).toMatch(/^simulate: Cannot read fault 1 of a schedule.*--help\)\n$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("has examples in its help, and lists faults", async () => {
    const { out } = await run("--help");
    expect(out).toContain("npm run simulate -- --seed 42");
    expect(readSchedule(/^\[\n(?: .*\n)+\]$/m.exec(out)?.[0] ?? "")).toHaveLength(2);
    expect((await run("--list-faults")).out).toContain("`power-loss`");
  });
});
