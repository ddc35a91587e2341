/** Parts of hints: faults in an order of their own, again and again, and clients that are always at it. */
import type { MemberFlags } from "../member/simulated-member.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import type { TrafficProfile } from "../traffic/profile.js";

/** A fault of a round; `atMs` from the round's beginning. */
export type RoundFault = Pick<ScheduledFault, "fault" | "atMs"> &
  Partial<Pick<ScheduledFault, "durationMs" | "parameters">>;

export interface Rounds {
  readonly count: number;
  readonly everyMs: number;
}

/** A cluster without a leader is a dull one. */
const FIRST_MS = 3_000;

export function rounds(
  { count, everyMs }: Rounds,
  faults: readonly RoundFault[],
): ScheduledFault[] {
  return Array.from({ length: count }, (_, round) =>
    faults.map(({ fault, atMs, durationMs = 0, parameters = {} }) => ({
      fault,
      atMs: FIRST_MS + round * everyMs + atMs,
      durationMs,
      parameters,
    })),
  ).flat();
}

/** From the first round's beginning to the last one's end. */
export function throughout(
  { count, everyMs }: Rounds,
  fault: string,
  parameters: ScheduledFault["parameters"],
): ScheduledFault {
  return { fault, atMs: FIRST_MS, durationMs: count * everyMs, parameters };
}

/** Who was away for some writes needs an image. */
export const SHORT_LOG: MemberFlags = { snapshotCount: 20, snapshotCatchUpEntries: 2 };

/** Many reads and writes of two keys, and nothing else. */
export const CONTENDED: TrafficProfile = {
  name: "contended, and nothing else",
  kvClients: 8,
  failoverClients: 0,
  thinkMs: 100,
  keys: 2,
  weights: {
    put: 40,
    get: 60,
    list: 0,
    "old-revision": 0,
    limited: 0,
    serializable: 0,
    delete: 0,
    "delete-range": 0,
    txn: 0,
    "compare-and-swap": 0,
    "txn-old-read": 0,
  },
  watchClients: 0,
  slowWatchClients: 0,
  leaseClients: 0,
  lockClients: 0,
  compactionMs: undefined,
};

/** Many keys, each seldom written, and compactions all the time. */
export const RARELY_CHANGED: TrafficProfile = {
  ...CONTENDED,
  name: "rarely changed",
  keys: 60,
  weights: { ...CONTENDED.weights, list: 10 },
  compactionMs: 400,
};

/** Many watches of few keys. */
export const WATCHED: TrafficProfile = { ...CONTENDED, name: "watched", watchClients: 8 };

/** Compactions all the time, many of them at deletions, and watches that begin there. */
export const COMPACTED: TrafficProfile = {
  ...CONTENDED,
  name: "compacted all the time",
  weights: { ...CONTENDED.weights, get: 20, delete: 20, "old-revision": 10 },
  watchClients: 24,
  compactionMs: 250,
};
