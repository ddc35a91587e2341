import { describe, expect, it } from "vitest";
import { readSimulateFlags } from "./command-line.js";
import { type ProgramIo, runSimulate } from "./program.js";
import { VirtualClock } from "@sagong/base";

describe("readSimulateFlags()", () => {
  it("has a default for everything", () => {
    expect(readSimulateFlags([])).toMatchObject({
      action: "run",
      seed: 1,
      seeds: 1,
      safetyMs: 60_000,
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
    "--what",
    "alone",
  ]) {
    it(`refuses ${wrong}`, () => {
      expect(() => readSimulateFlags(wrong.split(" "))).toThrow(/--|positional/);
    });
  }
});

describe("runSimulate()", () => {
  const run = async (argv: string): Promise<{ code: number; out: string; err: string }> => {
    const said = { out: "", err: "" };
    const io: ProgramIo = {
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      columns: undefined,
      clock: new VirtualClock(),
    };
    return { code: await runSimulate(argv.split(" "), io), ...said };
  };

  it("answers bad usage with 2 and one sentence", async () => {
    const { code, out, err } = await run("--faults no-such-fault");
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^simulate: .*no-such-fault.*--help\)\n$/);
  });

  it("has examples in its help, and lists faults", async () => {
    expect((await run("--help")).out).toContain("npm run simulate -- --seed 42");
    expect((await run("--list-faults")).out).toContain("`power-loss`");
  });
});
