import { randomBytes } from "node:crypto";

/** A seed from the system's entropy: a safe integer, to be printed where a run may be replayed. */
export function randomSeed(): number {
  return randomBytes(6).readUIntBE(0, 6);
}
