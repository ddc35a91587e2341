/**
 * How long to wait before connecting again (gRPC, "Connection Backoff Protocol"): longer after each
 * failure, counted from the beginning of the attempt, and never the same for all who wait.
 */
import { type Random, randomFraction } from "@sagong/base";
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from "../../channel-options.js";

const FACTOR = 1.6;
const JITTER = 0.2;

/** `failures` in a row, one at least. */
export function backoffMs(failures: number, random: Random): number {
  const delayMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * FACTOR ** (failures - 1));
  return delayMs * (1 - JITTER + 2 * JITTER * randomFraction(random));
}
