/**
 * `npm run chaos` as its users run it, for a minute: members in namespaces of their own, faults of
 * every group, all checks. And once under more than a store can bear: the run must notice.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ChaosSummary } from "./chaos/report.js";
import { isChaosPossible } from "./chaos/requirements.js";
import { repositoryRoot } from "./support/repository-root.js";
import { type Outcome, run } from "./support/tools.js";

/** One or two of each group, so that a minute has them all. */
const FAULTS = [
  "kill-leader",
  "kill-all",
  "pause-leader",
  "asymmetric-cut",
  "flapping",
  "half-open",
  "strobe",
  "full-leader",
  "sync-error-leader",
  "power-loss-all",
  "slow-watchers",
  "rolling-restart-with-changed-flags",
];
const LIMIT_MS = 300_000;

const seed = Number(process.env["SAGONG_CHAOS_SEED"] ?? Date.now() % 1_000_000);

describe.skipIf(!isChaosPossible())("npm run chaos", { timeout: LIMIT_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), "sagong-chaos-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function chaos(
    flags: Readonly<Record<string, string>>,
  ): Promise<Outcome & { readonly summary: ChaosSummary }> {
    const json = join(folder, `${flags["faults"]?.length}.json`);
    const words = Object.entries({ ...flags, json, seed }).map(
      ([flag, value]) => `--${flag}=${value}`,
    );
    const program = join(repositoryRoot(), "scripts/chaos.mjs");
    const outcome = await run(process.execPath, [program, ...words], { timeoutMs: LIMIT_MS });
    // Our own program's, typed there.
    const summary = JSON.parse(readFileSync(json, "utf8")) as ChaosSummary;
    return { ...outcome, summary };
  }

  it("finds nothing that clients were told untruly, and progress after each fault", async () => {
    const { code, stdout, summary } = await chaos({ minutes: "1", faults: FAULTS.join() });
    console.log(stdout);
    expect(summary.violations).toEqual([]);
    expect(code).toBe(0);
    expect(summary.faults).toBeGreaterThanOrEqual(FAULTS.length / 2);
    expect(summary.acknowledgedWrites).toBeGreaterThan(100);
    expect(summary.eventsWatched).toBeGreaterThan(100);
  });

  it("notices writes that were acknowledged and are lost, where all disks lie and lose power", async () => {
    const { code, stdout, summary } = await chaos({
      minutes: "0.2",
      faults: "lying-sync-everywhere",
    });
    expect(code).toBe(1);
    const violated = new Set(summary.violations.map(({ guarantee }) => guarantee));
    expect([...violated]).toContain("linearizable");
    const [kept = ""] = /\/\S*sagong-chaos-\w+/.exec(stdout) ?? [];
    expect(readFileSync(join(kept, "history.json"), "utf8")).toContain("operations");
    rmSync(kept, { recursive: true, force: true });
  });
});
