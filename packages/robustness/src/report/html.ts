/**
 * A run as one HTML file that needs nothing else: the page of `page/`, with the run's shapes inside.
 *
 * X1 no text of a run is ever markup: it stands in the page as JSON without `<`, and the page writes
 *    it as text only.
 * X2 the page loads nothing and runs nothing but its own script: its policy names that script and
 *    that style by their hashes and allows no other source.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RecordedRun } from "./recorded-run.js";
import { timelineOf } from "./timeline.js";

export function renderHtml(run: RecordedRun): string {
  const script = bundle();
  const style = asset("timeline.css");
  const policy = `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; base-uri 'none'; form-action 'none'`;
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(run.title)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    `<script type="application/json" id="run">${escapeJson(timelineOf(run))}</script>`,
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/** As plain text within an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\0]/g, (char) => `&#${char === "\0" ? 0xfffd : char.charCodeAt(0)};`);
}

/** JSON in which no tag, comment or line of JavaScript can end. */
function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** The modules of the page, each behind those that it imports. */
const MODULES = [
  "run",
  "elements",
  "geometry",
  "paint",
  "event-list",
  "drawing",
  "hover",
  "moving",
  "page",
] as const;

/** One script in a scope of its own: a page that is one file has no modules to import. */
function bundle(): string {
  const bodies = MODULES.map((name) =>
    asset(`${name}.js`)
      .replaceAll(/^import [^;]* from "\.\/[a-z-]+\.js";\n/gm, "")
      .replaceAll(/^export (?=const|let|function)/gm, ""),
  );
  return `"use strict";\n{\n${bodies.join("\n")}}\n`;
}

/** The page's parts are read where they are written: from `dist` this leads back to `src`. */
function asset(name: string): string {
  return readFileSync(new URL(`../../src/report/page/${name}`, import.meta.url), "utf8");
}
