/** Which keys a request names, as etcd reads `key` and `range_end`. */
export interface KeyRange {
  readonly key: string;
  readonly rangeEnd?: string | undefined;
}

/** `range_end` that stands for "to the end of all keys". */
const TO_THE_END = "\0";

export const ALL_KEYS: KeyRange = { key: "\0", rangeEnd: TO_THE_END };

export function isInRange({ key, rangeEnd }: KeyRange, candidate: string): boolean {
  if (rangeEnd === undefined || rangeEnd === "") return candidate === key;
  return candidate >= key && (rangeEnd === TO_THE_END || candidate < rangeEnd);
}
