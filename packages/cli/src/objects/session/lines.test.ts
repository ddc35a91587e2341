import { expect, it } from "vitest";
import { lines } from "./lines.js";
import { warningsOf } from "./api-calls.js";

it("lines() joins what parts of a body cut, also within a character", async () => {
  const bytes = new TextEncoder().encode("one\n뗏목\n\nlast");
  const parts = (async function* () {
    await Promise.resolve();
    for (let at = 0; at < bytes.length; at += 2) yield bytes.slice(at, at + 2);
  })();
  const found: string[] = [];
  for await (const line of lines(parts)) found.push(line);
  expect(found).toEqual(["one", "뗏목", "", "last"]);
});

it("warningsOf() reads every warning of a header", () => {
  expect(warningsOf(String.raw`299 - "unknown field \"spec.x\"", 299 - "two"`)).toEqual([
    'unknown field "spec.x"',
    "two",
  ]);
  expect(warningsOf(undefined)).toEqual([]);
});
