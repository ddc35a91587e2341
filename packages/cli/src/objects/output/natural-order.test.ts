import { expect, it } from "vitest";
import { naturalOrder } from "./natural-order.js";

it("naturalOrder() compares numbers within texts as numbers", () => {
  const names = ["web-10", "web-2", "web", "api-1", "web-2a", "WEB"];
  expect(names.toSorted(naturalOrder)).toEqual([
    "WEB",
    "api-1",
    "web",
    "web-2",
    "web-2a",
    "web-10",
  ]);
});
