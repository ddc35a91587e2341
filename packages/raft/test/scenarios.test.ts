/**
 * The rules of the Raft paper and of the thesis, each with its scenarios on the pure core. What a
 * scenario's steps bring about stands below them in its file; `npm run test:rewrite` writes it anew,
 * and the difference is to be understood, never waved through.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readRules } from "./support/rules.js";
import { readScenario, rerun } from "./support/scenario-file.js";

const folder = fileURLToPath(new URL("scenarios/", import.meta.url));
const root = fileURLToPath(new URL("../../../", import.meta.url));
const rules = readRules(readFileSync(`${folder}rules.txt`, "utf8"));
const scenarios = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((path) => path.includes("/") && path.endsWith(".txt"))
  .toSorted()
  .map((path) => ({ path, ...readScenario(readFileSync(folder + path, "utf8")) }));

describe("scenario", () => {
  it.each(scenarios)("$title", async (scenario) => {
    await expect(rerun(scenario)).toMatchFileSnapshot(folder + scenario.path);
  });
});

describe("rule", () => {
  it.each(rules)("$section: $id $text", ({ id, notCovered, shownBy }) => {
    const missing = shownBy.filter(
      ({ path, title }) =>
        !existsSync(root + path) || !readFileSync(root + path, "utf8").includes(title),
    );
    expect(missing).toEqual([]);
    const isShown = shownBy.length > 0 || scenarios.some((scenario) => scenario.rules.includes(id));
    // What is shown stands as not covered no longer.
    expect(isShown).toBe(notCovered === undefined);
  });

  it("is named once, and every scenario names one that there is", () => {
    const ids = rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const strange = scenarios.flatMap((scenario) =>
      scenario.rules.filter((id) => !ids.includes(id)),
    );
    expect(strange).toEqual([]);
    expect(scenarios.filter((scenario) => scenario.rules.length === 0)).toEqual([]);
  });
});
