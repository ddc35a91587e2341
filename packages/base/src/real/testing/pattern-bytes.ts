/** Bytes that are never zero, and others for each `i`. */
export function patternBytes(i: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = 1 + ((i * 31 + at) % 255);
  return bytes;
}
