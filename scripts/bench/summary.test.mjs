// @ts-check
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { chartSvg, ratioText } from "./chart.mjs";
import { readRecord, recordText, reportText } from "./report.mjs";
import { compareGenerators, summarize } from "./summary.mjs";

/** @typedef {import("./loads/load.mjs").Load} Load */

/** @param {Partial<Load>} fields @returns {Load} */
const load = (fields) => ({
  name: "put",
  title: "put <&>",
  suite: "calls",
  figures: [{ key: "perSecond", title: "", unit: "/s", better: "more", goal: 3 }],
  run: () => Promise.resolve({}),
  ...fields,
});

/** @type {(kind: "sagong" | "etcd", members: number, round: number, figures: Record<string, number>, name?: string) => import("./run-suites.mjs").Result} */
const run = (kind, members, round, figures, name = "put") => ({
  kind,
  members,
  load: name,
  round,
  figures,
});

const MACHINE = {
  date: "2026-01-02",
  commit: "abc",
  cores: 2,
  cpu: "A <CPU>",
  memoryMiB: 1,
  kernel: "6",
  node: "20.0.0",
  etcd: "3.4.23",
  h2load: "1",
  diskSyncMs: 0.1,
};

/** @param {import("./summary.mjs").Row[]} rows @returns {import("./report.mjs").Record} */
const record = (rows) => ({
  machine: MACHINE,
  options: { rounds: 3, seconds: 3, valueBytes: 256, keys: 1_000_000 },
  rows,
  generators: [{ load: "put@100", members: 3, kind: "etcd", ratio: 1.2 }],
  failures: ["txn: refused"],
  runs: [],
});

describe("summarize()", () => {
  it("takes the median of the rounds' ratios, not the ratio of the medians", () => {
    const rows = summarize(
      [
        run("sagong", 3, 1, { perSecond: 40 }),
        run("etcd", 3, 1, { perSecond: 10 }),
        run("sagong", 3, 2, { perSecond: 10 }),
        run("etcd", 3, 2, { perSecond: 5 }),
        run("sagong", 3, 3, { perSecond: 30 }),
        run("etcd", 3, 3, { perSecond: 10 }),
      ],
      [load({})],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      values: { sagong: 30, etcd: 10 },
      ratios: { etcd: 3 },
      goal: 3,
      isReached: true,
    });
  });

  it("has goals for three members, and for one where a load runs on no others", () => {
    const results = [run("sagong", 1, 1, { perSecond: 9 }), run("etcd", 1, 1, { perSecond: 1 })];
    expect(summarize(results, [load({})])[0]).toMatchObject({ goal: undefined });
    expect(summarize(results, [load({ members: [1] })])[0]).toMatchObject({ isReached: true });
  });

  it("holds a limit against our own value, with or without etcd", () => {
    /** @type {import("./loads/load.mjs").Figure} */
    const figure = { key: "loopP99Ms", title: "p99", unit: "ms", better: "less", limit: 20 };
    const rows = summarize(
      [run("sagong", 3, 1, { loopP99Ms: 25 }), run("etcd", 3, 1, {})],
      [load({ figures: [figure] })],
    );
    expect(rows[0]).toMatchObject({ limit: 20, isReached: false });
    expect(rows[0]?.ratios["etcd"]).toBeNaN();
  });

  it("says neither yes nor no where there is no etcd", () => {
    const rows = summarize([run("sagong", 3, 1, { perSecond: 9 })], [load({})]);
    expect(rows[0]).toMatchObject({ goal: 3, isReached: undefined, ratios: {} });
  });
});

describe("compareGenerators()", () => {
  it("gives the median agreement by load, size and product", () => {
    const results = [1.1, 0.9, 1].map((agreement, i) =>
      run("etcd", 3, i + 1, { agreement }, "generator put@100"),
    );
    expect(compareGenerators([...results, run("etcd", 3, 1, { perSecond: 1 })])).toEqual([
      { load: "put@100", members: 3, kind: "etcd", ratio: 1 },
    ]);
  });
});

const ROWS = summarize(
  [
    run("sagong", 3, 1, { perSecond: 12_345, p50Ms: 1.5 }),
    run("etcd", 3, 1, { perSecond: 5_000, p50Ms: 2 }),
    run("sagong", 1, 1, { perSecond: 1 }),
    run("etcd", 1, 1, { perSecond: 100 }),
  ],
  [load({})],
);

describe("reportText()", () => {
  it("shows values, ratio, the goal and whether it is reached", () => {
    const text = reportText(record(ROWS));
    expect(text).toMatch(/put <&> +12,345 +5,000 +\/s +2\.47 +≥ 3 ✗ +1\.50 \/ 2\.00/);
    expect(text).toContain("put@100, 3 × etcd: 1.20 (NOT within 10 %)");
    expect(text).toContain("left out: txn: refused");
  });
});

describe("readRecord()", () => {
  it("gives back what recordText() wrote, unknown figures too", () => {
    const folder = mkdtempSync(`${tmpdir()}/sagong-record-`);
    try {
      const rows = summarize([run("sagong", 3, 1, { perSecond: Number.NaN })], [load({})]);
      writeFileSync(`${folder}/record.json`, recordText(record(rows)));
      const back = readRecord(`${folder}/record.json`);
      expect(back.rows[0]?.values["sagong"]).toBeNaN();
      expect(reportText(back)).toBe(reportText(record(rows)));
      writeFileSync(`${folder}/other.json`, "{}");
      expect(() => readRecord(`${folder}/other.json`)).toThrow("expected sagong-bench-store/1");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("chartSvg()", () => {
  const svg = chartSvg(ROWS, MACHINE);
  const bars = [...svg.matchAll(/<rect x="([\d.]+)" .*? width="([\d.]+)" .*? fill="(#\w+)"/g)].map(
    ([, x, width, fill]) => ({ x: Number(x), width: Number(width), fill }),
  );

  it("draws better to the right of even, worse to its left, twice as far for the square", () => {
    expect(bars).toHaveLength(2);
    const [three, one] = bars;
    // Three members come first. A hundredth is log 100 / log 2.47 times as far as 2.47 times.
    expect(one && three && one.width / three.width).toBeCloseTo(Math.log(100) / Math.log(2.469), 1);
    expect(one && three && one.x + one.width).toBeCloseTo(three?.x ?? 0, 0);
    expect(new Set(bars.map(({ fill }) => fill)).size).toBe(2);
  });

  it("escapes what it writes, and marks the goal", () => {
    expect(svg).toContain("put &lt;&amp;&gt;");
    expect(svg).toContain("A &lt;CPU&gt;");
    expect(svg).toContain("<title>goal: 3×</title>");
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it("ratioText() has two digits that matter", () => {
    expect([0.479, 1, 3.14, 14.2].map(ratioText)).toEqual(["0.48×", "1.0×", "3.1×", "14×"]);
  });
});
