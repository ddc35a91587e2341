import { expect, it } from "vitest";
import { mutantNamed } from "./catalogue.js";
import { renderMarkdown } from "./hunt-markdown.js";

it("renderMarkdown() has a row for each mutant below its class, and counts the caught", () => {
  const page = renderMarkdown(
    [
      {
        mutant: mutantNamed("two-images-at-once"),
        verdict: { kind: "survived", seeds: 40, isAlive: false },
        tookMs: 30_000,
      },
      {
        mutant: mutantNamed("lease-never-ends"),
        verdict: { kind: "caught", guarantee: "hash-kv", seed: 1, text: "", members: 3 },
        tookMs: 900,
      },
    ],
    [{ class: "etcd #1", reason: "there is none" }],
  );

  expect(page).toContain("1 of 2 are caught, in 0.5 minutes");
  expect(page).toMatch(
    /## Bugs that etcd has had\n\n\| mutant .*\n\| --- .*\n\| `two-images-at-once` \(etcd #18055\) .* \*\*survived\*\* \|  \|  \| 30\.0 \|/,
  );
  expect(page).toMatch(
    /## Lease\n\n.*\n.*\n\| `lease-never-ends` \| .* \| `hash-kv` \| 1 \| 3 \| 0\.9 \|/,
  );
  expect(page).toContain("## Not covered\n\n- etcd #1: there is none");
});
