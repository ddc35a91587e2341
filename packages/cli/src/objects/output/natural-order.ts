/** Texts in the order of people: web-2 before web-10; letters by code, as Go has it. Pure. */
export function naturalOrder(a: string, b: string): number {
  const left = chunksOf(a);
  const right = chunksOf(b);
  for (const [at, one] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (one === other) continue;
    const isNumeric = /^\d/.test(one) && /^\d/.test(other);
    const difference = isNumeric ? Number(one) - Number(other) : 0;
    if (difference !== 0) return difference;
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

function chunksOf(text: string): readonly string[] {
  return text.match(/\d+|\D+/g) ?? [];
}
