/** Majority arithmetic (Raft §5.2, §5.3). Joint quorums (§6) will combine two of these. */
import type { LogIndex } from "./types.js";

export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The highest index that a majority has, of one match index per voter. */
export function quorumIndex(matches: readonly LogIndex[]): LogIndex {
  const sorted = [...matches].sort((a, b) => b - a);
  return sorted[majorityOf(matches.length) - 1] ?? 0;
}

export type VoteResult = "won" | "lost" | "pending";

export function tally(
  votes: { readonly granted: number; readonly refused: number },
  voters: number,
): VoteResult {
  if (votes.granted >= majorityOf(voters)) return "won";
  return votes.refused > voters - majorityOf(voters) ? "lost" : "pending";
}
