/** A number of 64 bits without sign, as protobuf's varints are made of it: two halves of 32 bits. */
export interface Halves {
  readonly value: bigint;
  readonly low: number;
  readonly high: number;
}

export function halvesOf(value: bigint): Halves {
  return { value, low: Number(value & 0xffffffffn), high: Number(value >> 32n) };
}
