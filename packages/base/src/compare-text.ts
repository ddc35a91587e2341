/** Order of UTF-16 units, the same everywhere: for `toSorted`, whose own order is no rule to rely on. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
