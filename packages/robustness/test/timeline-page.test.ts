/** The page of a run in a browser: it runs, it lists what it was given, and hostile text stays text. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { renderHtml } from "../src/report/html.js";
import { exampleRun } from "./support/example-run.js";

const chromium = spawnSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).stdout.trim();
// In CI it must be there.
const isSkipped = chromium === "" && process.env["CI"] !== "true";

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
      "--virtual-time-budget=20000",
      "--dump-dom",
      `file://${folder}/run.html`,
    ],
    { timeout: 25_000, maxBuffer: 1 << 26 },
  );
  rmSync(folder, { recursive: true, force: true });
  return stdout;
}

describe.skipIf(isSkipped)("the page of a run, in Chromium", () => {
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

  it("zooms, moves, filters, and says what lies under the pointer", async () => {
    const steps = `
      const lanes = document.getElementById("lanes");
      const frame = () => new Promise((resolve) => setTimeout(resolve, 20));
      const note = () => document.getElementById("note").textContent;
      const rows = () => document.querySelectorAll("tbody tr").length;
      const said = [];
      void (async () => {
        await frame();
        said.push(note());
        lanes.dispatchEvent(new WheelEvent("wheel", { deltaY: -400, clientX: 500 }));
        await frame();
        said.push("zoomed", note());
        lanes.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
        await frame();
        said.push("moved", note());
        lanes.dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
        await frame();
        said.push("whole", note());
        // The middle of the lane of m1, in the middle of the run.
        const box = lanes.getBoundingClientRect();
        const at = { clientX: box.left + 132 + (box.width - 132) / 2, clientY: box.top + 26 + 33 + 22 };
        lanes.dispatchEvent(new PointerEvent("pointermove", at));
        said.push("under the pointer", document.getElementById("tip").textContent.split("\\n").at(-1));
        const before = rows();
        document.querySelectorAll("input[type=checkbox]")[1].click();
        await frame();
        said.push("without clients", rows() < before);
        const find = document.querySelector("input[type=search]");
        find.value = "Leader";
        find.dispatchEvent(new Event("input"));
        await frame();
        said.push("with this text", rows());
        document.body.dataset.said = said.join(" | ");
      })();
    `;
    const { violations: _, ...run } = exampleRun();
    const events = run.events.filter(({ kind }) => kind !== "violation");
    const html = await domOf(
      renderHtml({ ...run, events, violations: [] })
        // The policy lets no other script run: this is not the page as it is given to people.
        .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "")
        // A busy machine draws no frames: here a frame is a timer, which virtual time waits for.
        .replace(
          "<body>",
          `<body><script>requestAnimationFrame = (draw) => setTimeout(draw)</script>`,
        )
        .replace("</body>", `<script>${steps}</script></body>`),
    );
    const [, said = ""] = /data-said="([^"]*)"/.exec(html) ?? [];
    expect(said.split(" | ")).toEqual([
      "0.000 s to 20.000 s, 346 messages",
      "zoomed",
      expect.stringMatching(/^\d\.\d+ s to 1\d\.\d+ s, 1\d\d messages$/),
      "moved",
      expect.stringMatching(/^\d\.\d+ s to 1\d\.\d+ s, 1\d\d messages$/),
      "whole",
      "0.000 s to 20.000 s, 346 messages",
      "under the pointer",
      "1.320 s to 10.100 s m1: leader t2",
      "without clients",
      "true",
      "with this text",
      "3",
    ]);
  });
});
