import type { Parsed } from "./store-url.js";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Go's duration text as far as milliseconds: `1h30m`, `500ms`, `1.5s`; 0 needs no unit. */
export function parseDurationMs(text: string): Parsed<number> {
  if (text === "0") return { ok: true, value: 0 };
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    return { ok: false, error: "parse error, expected a duration such as 500ms, 10s or 1h30m" };
  }
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  }
  return { ok: true, value: Math.round(totalMs) };
}
