/**
 * `npm run chaos` as its users run it: members in namespaces of their own, faults of every group, all
 * checks. And once under more than a store can bear: the run must notice. Both end by what has
 * happened, not by time: a busy machine only takes longer.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ChaosSummary } from "./chaos/report.js";
import { isChaosPossible } from "./chaos/requirements.js";
import { repositoryRoot } from "./support/repository-root.js";
import { type Outcome, run } from "./support/tools.js";

/** One or two of each group. */
const FAULTS = [
  "kill-leader",
  "pause-leader",
  "asymmetric-cut",
  "half-open",
  "strobe",
  "full-leader",
  "write-error",
  "power-loss-all",
  "slow-watchers",
  "rolling-restart-with-changed-flags",
];
/** Of a run that hangs. It takes a minute on a machine that has nothing else to do. */
const LIMIT_MS = 600_000;

const seed = Number(process.env["SAGONG_CHAOS_SEED"] ?? Date.now() % 1_000_000);

describe.skipIf(!isChaosPossible())("npm run chaos", { timeout: LIMIT_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), "sagong-chaos-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Each of these faults once. */
  async function chaos(
    faults: readonly string[],
  ): Promise<Outcome & { readonly summary: ChaosSummary }> {
    const json = join(folder, `${faults.length}.json`);
    const flags = { rounds: 1, faults: faults.join(), json, seed };
    const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const program = join(repositoryRoot(), "scripts/chaos.mjs");
    const outcome = await run(process.execPath, [program, ...words], { timeoutMs: LIMIT_MS });
    console.log(`${outcome.stderr}${outcome.stdout}`);
    // Our own program's, typed there.
    const summary = JSON.parse(readFileSync(json, "utf8")) as ChaosSummary;
    return { ...outcome, summary };
  }

  it("finds nothing that clients were told untruly, and progress after each fault", async () => {
    const { code, summary } = await chaos(FAULTS);
    expect(summary.violations).toEqual([]);
    expect(code).toBe(0);
    expect(summary.faults).toBe(FAULTS.length);
    expect(summary.acknowledgedWrites).toBeGreaterThan(100);
    expect(summary.eventsWatched).toBeGreaterThan(100);
  });

  it("notices writes that were acknowledged and are lost, where all disks lie and lose power", async () => {
    const { code, stdout, summary } = await chaos(["lying-sync-everywhere"]);
    expect(code).toBe(1);
    const violated = new Set(summary.violations.map(({ guarantee }) => guarantee));
    expect([...violated]).toEqual(
      expect.arrayContaining(["linearizable", "no-acknowledged-write-lost"]),
    );
    // Every disk is as it was at one moment: no member can notice, and all start again.
    expect([...violated]).not.toContain("no-crash");
    const [kept = ""] = /\/\S*sagong-chaos-\w+/.exec(stdout) ?? [];
    expect(readFileSync(join(kept, "history.jsonl"), "utf8")).toContain('{"operation":');
    rmSync(kept, { recursive: true, force: true });
  });
});
