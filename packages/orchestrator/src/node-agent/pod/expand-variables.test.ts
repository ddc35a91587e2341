import { expect, it } from "vitest";
import { expandVariables } from "./expand-variables.js";

it("expandVariables() replaces what it knows, keeps what it does not, and unescapes $$", () => {
  const variables = new Map([
    ["A", "1"],
    ["B_C", "$(A)"],
  ]);
  expect(expandVariables("$(A)-$(B_C)-$(X)-$$(A)-$A-$()", variables)).toBe(
    "1-$(A)-$(X)-$(A)-$A-$()",
  );
});
