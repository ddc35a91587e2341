/** Majority arithmetic (Raft §5.2, §5.3). Joint quorums (§6) will combine two of these. */
import type { LogIndex } from "./types.js";

export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The highest index that a majority has, of one match index per voter. */
export function quorumIndex(matches: readonly LogIndex[]): LogIndex {
  const majority = majorityOf(matches.length);
  let highest = 0;
  // Groups are small: counting for each costs less than sorting a copy, and is done for every answer.
  for (const match of matches) {
    if (match > highest && countFrom(matches, match) >= majority) highest = match;
  }
  return highest;
}

function countFrom(matches: readonly LogIndex[], least: LogIndex): number {
  let count = 0;
  for (const match of matches) if (match >= least) count++;
  return count;
}

export type VoteResult = "won" | "lost" | "pending";

export function tally(
  votes: { readonly granted: number; readonly refused: number },
  voters: number,
): VoteResult {
  if (votes.granted >= majorityOf(voters)) return "won";
  return votes.refused > voters - majorityOf(voters) ? "lost" : "pending";
}
