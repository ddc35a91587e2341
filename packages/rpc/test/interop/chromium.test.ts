/**
 * Chromium over TLS: a page of ours that fetches in parallel, sends bodies and cancels, and says
 * what it found. Only HTTP/2 is what it may speak.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { startInteropServer } from "../support/interop-server.js";
import { findTool, run } from "../support/tools.js";

const chromium = findTool("chromium");

describe.skipIf(chromium === undefined)("Chromium", () => {
  it("fetches, posts and cancels by HTTP/2", async () => {
    const server = await startInteropServer({ tls: true });
    const profile = mkdtempSync(`${tmpdir()}/sagong-chromium-`);
    const { stdout } = await run(chromium ?? "", [
      "--headless",
      "--no-sandbox", // Tests run as root in CI; the page is our own.
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--ignore-certificate-errors",
      `--user-data-dir=${profile}`,
      // Time in the page passes only while nothing is on its way.
      "--virtual-time-budget=20000",
      "--dump-dom",
      `https://localhost:${server.port}/`,
    ]);
    const [, findings = ""] = /<body>(.*?)<\/body>/s.exec(stdout) ?? [];
    expect(findings).toMatch(/^\{/);
    expect(JSON.parse(findings)).toEqual({
      gets: 60,
      posts: 4,
      hung: { begun: 3, left: 3 },
      cookie: "a=1; b=2",
      missing: 404,
      protocols: ["h2"],
    });
    await server.close();
    rmSync(profile, { recursive: true, force: true });
  });
});
