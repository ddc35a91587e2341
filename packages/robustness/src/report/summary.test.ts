import { describe, expect, it } from "vitest";
import { renderSummary, type RunResult, summarize } from "./summary.js";

const result = (seed: number, more: Partial<RunResult> = {}): RunResult => ({
  seed,
  violations: [],
  simulatedMs: 600_000,
  operations: 7_000,
  faultsByKind: { "process/kill leader": 2, "network/cut": 10 },
  faultsMet: 11,
  cpuMs: 500,
  ...more,
});

describe("summarize()", () => {
  it("adds up what the runs say", () => {
    const results = [result(1), result(2, { faultsByKind: { "disk/full": 1, "network/cut": 1 } })];
    expect(summarize(results, { realMs: 400 })).toEqual({
      seeds: 2,
      simulatedHours: 1 / 3,
      realSeconds: 0.4,
      cpuSeconds: 1,
      timesRealTime: 1_200,
      operations: 14_000,
      operationsPerCpuSecond: 14_000,
      faults: 14,
      faultsMet: 22,
      faultsByKind: { "disk/full": 1, "network/cut": 11, "process/kill leader": 2 },
      violations: [],
      mutants: [],
      notCovered: [],
    });
  });

  it("is plain data, whatever the seeds are", () => {
    const violations = [{ guarantee: "linearizable", text: "stale" }];
    const summary = summarize([{ ...result(1, { violations, cpuMs: 0 }), seed: 2n ** 60n }], {
      realMs: 0,
    });
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
    expect(summary.violations[0]?.seed).toBe("1152921504606846976");
    expect(summary.timesRealTime).toBe(0);
  });
});

describe("renderSummary()", () => {
  it("says it in aligned rows", () => {
    const violations = [{ guarantee: "linearizable", text: "stale read\nof k1" }];
    const summary = summarize([result(1), result(71_828, { violations })], {
      realMs: 1_234,
      mutants: [
        {
          name: "skip fsync",
          caughtBy: { seed: "17", guarantee: "acknowledged-write-lost" },
          tookMs: 3_210,
        },
        { name: "off by one at compaction", caughtBy: undefined, tookMs: 60_000 },
      ],
      notCovered: [{ name: "membership/add", reason: "there is no change of members yet" }],
    });
    expect(`\n${renderSummary(summary)}`).toMatchInlineSnapshot(`
      "
      seeds                               2
      simulated                      0.33 h
      real                            1.2 s
      of one core                     1.0 s
      × real time on one core         1,200
      operations checked             14,000
      operations a second of a core  14,000
      faults                             24
      faults that met operations         22
      violations                          1
      mutants caught                 1 of 2

      faults by kind:
        network/cut          20
        process/kill leader   4

      mutants:
        skip fsync                acknowledged-write-lost  seed 17   3.2 s
        off by one at compaction  LIVED                             60.0 s

      not covered:
        membership/add  there is no change of members yet

      violations:
        seed 71828  linearizable  stale read
      "
    `);
  });

  it("shows some of many violations, and obeys none", () => {
    const violations = Array.from({ length: 1_025 }, () => ({
      guarantee: "watch\u001b[2J",
      text: "x".repeat(300),
    }));
    const text = renderSummary(summarize([result(1, { violations })], { realMs: 1 }));
    expect(text).not.toContain("\u001b");
    expect(text).toContain("  … and 1,005 more\n");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(140);
  });
});
