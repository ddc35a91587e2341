/** The page of a run in a browser: it runs, it lists what it was given, and hostile text stays text. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { renderHtml } from "../src/report/html.js";
import { exampleRun } from "./support/example-run.js";

const chromium = spawnSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).stdout.trim();

async function domOf(html: string): Promise<string> {
  const folder = mkdtempSync(`${tmpdir()}/sagong-page-`);
  writeFileSync(`${folder}/run.html`, html);
  const { stdout } = await promisify(execFile)(
    chromium,
    [
      "--headless",
      "--no-sandbox", // Tests run as root in CI; the page is our own.
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      `--user-data-dir=${folder}/profile`,
      "--virtual-time-budget=2000",
      "--dump-dom",
      `file://${folder}/run.html`,
    ],
    { timeout: 25_000, maxBuffer: 1 << 26 },
  );
  rmSync(folder, { recursive: true, force: true });
  return stdout;
}

describe.skipIf(chromium === "")("the page of a run, in Chromium", () => {
  it("opens at the violation, with its events listed and hostile text as text", async () => {
    const hostile = `<img src=x onerror='document.title="hacked"'>`;
    const { events } = exampleRun();
    const html = await domOf(
      renderHtml(
        exampleRun({
          violations: [{ guarantee: "linearizable", text: hostile, atMs: 12_345 }],
          events: events.map((event) =>
            event.kind === "violation" ? { ...event, text: hostile } : event,
          ),
        }),
      ),
    );
    expect(html).toContain("<title>seed 42, 3 members</title>");
    expect(html).not.toContain("<img");
    expect(html).toContain("violated: linearizable at 12.345 s");
    expect(html).toMatch(/9\.345 s to 13\.345 s, \d+ messages/);
    expect(html).toMatch(/<td>violation<\/td><td><\/td><td>&lt;img src=x/);
    expect(html).toContain("<td>m2</td><td>leader, term 3</td>");
  });
});
