const SUFFIXES = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Sizes as etcdctl shows them: powers of 1000, one decimal below ten (20 kB, 1.3 MB). */
export function humanBytes(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3 + 1e-12), SUFFIXES.length - 1);
  const value = Math.floor((bytes / 1000 ** power) * 10 + 0.5) / 10;
  const text = value < 10 ? value.toFixed(1) : String(roundHalfToEven(value));
  return `${text} ${SUFFIXES[power] ?? "B"}`;
}

/** As C and Go print `%.0f`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
