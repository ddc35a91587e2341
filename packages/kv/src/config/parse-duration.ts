import { parseDurationMs } from "@sagong/base";
import type { Parsed } from "./store-url.js";

/** Go's duration text in whole milliseconds: `1h30m`, `500ms`, `1.5s`; 0 needs no unit. */
export function parseDurationFlag(text: string): Parsed<number> {
  const value = parseDurationMs(text);
  if (value !== undefined && value >= 0) return { ok: true, value: Math.round(value) };
  return { ok: false, error: "parse error, expected a duration such as 500ms, 10s or 1h30m" };
}
