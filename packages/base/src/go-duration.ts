/** Go's durations as flags have them (`time.ParseDuration`). */
const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5, the micro sign
  μs: 1e3, // U+03BC, the Greek letter
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Milliseconds of `1h2m`, `1.5s`, `300ms`, …; undefined where it is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const [, sign = "", amounts = ""] = /^([+-]?)(.+)$/.exec(text) ?? [];
  if (amounts === "0") return 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let totalNs = 0;
  while (part.lastIndex < amounts.length) {
    const [, amount = "", unit = ""] = part.exec(amounts) ?? [];
    if (unit === "") return undefined;
    totalNs += Number(amount) * (UNIT_NS[unit] ?? Number.NaN);
  }
  if (amounts === "") return undefined;
  return (sign === "-" ? -totalNs : totalNs) / 1e6;
}
