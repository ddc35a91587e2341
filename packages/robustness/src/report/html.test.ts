import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { exampleRun } from "../../test/support/example-run.js";
import { renderHtml } from "./html.js";
import { timelineOf } from "./timeline.js";

const HOSTILE = `</script><script>document.title="hacked"</script><!-- <b onclick='x'>"&amp;\u2028\0`;

describe("renderHtml()", () => {
  it("holds the run, whole, as data", () => {
    const run = exampleRun();
    const [, json = ""] =
      /<script type="application\/json" id="run">(.*?)<\/script>/s.exec(renderHtml(run)) ?? [];
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(timelineOf(run))));
  });

  it("lets no text of the run become markup", () => {
    const { events } = exampleRun();
    const html = renderHtml(
      exampleRun({
        title: HOSTILE,
        members: [HOSTILE, "m2"],
        events: events.map((event) => ({ ...event, text: HOSTILE, who: HOSTILE })),
        violations: [{ guarantee: HOSTILE, text: HOSTILE }],
        facts: [[HOSTILE, HOSTILE]],
        schedule: [HOSTILE],
      }),
    );
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
    expect(html.match(/<!--/g)).toBeNull();
    expect(html).not.toContain("<b ");
    expect(html).not.toContain("\0");
    const [, json = ""] = /id="run">(.*?)<\/script>/s.exec(html) ?? [];
    expect(json).not.toMatch(/[<>&\u2028]/);
  });

  it("allows its own script and style by their hashes, and nothing else", () => {
    const html = renderHtml(exampleRun());
    const [, policy = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
    const [, script = ""] = /<script>(.*?)<\/script>/s.exec(html) ?? [];
    const hash = createHash("sha256").update(script).digest("base64");
    expect(policy).toContain("default-src &#39;none&#39;");
    expect(policy).toContain(`script-src &#39;sha256-${hash}&#39;`);
    expect(html).not.toMatch(/(?:src|href)=|url\(|https?:/);
  });
});
