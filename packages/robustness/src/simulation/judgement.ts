/**
 * What the judges of a history are told of a simulated run beside it: when leases could not be expected
 * to end, and what members held when all was over.
 */
import type { CheckContext, FinalState } from "../check/check-context.js";
import { leaseBounds, type LeaseBounds } from "../check/lease-bounds.js";
import { callStore } from "../history/call-store.js";
import type { SimulatedMember } from "../member/simulated-member.js";

/** How much faster a member's clock may run by a fault: 2 %, and something for its beginning. */
const DRIFT_SHARE = 0.03;
/** The longest with which members are started (faults/version-faults.ts). */
const ELECTION_MS_MAX = 3_000;
const READ_TIMEOUT_MS = 5_000;

/** Times without a leader that can commit, for the bounds of leases. */
export class UnsettledTimes {
  readonly #times: { readonly fromMs: number; readonly toMs: number }[] = [];

  add(fromMs: number, toMs: number = fromMs): void {
    this.#times.push({ fromMs, toMs });
  }

  get leaseBounds(): LeaseBounds {
    const unsettled = this.#times.toSorted((a, b) => a.fromMs - b.fromMs);
    return leaseBounds({ electionMs: ELECTION_MS_MAX, driftShare: DRIFT_SHARE, unsettled });
  }
}

/** Of each member that runs, by itself: its own copy of everything. */
export async function finalStatesOf(
  members: readonly SimulatedMember[],
): Promise<NonNullable<CheckContext["finalStates"]>> {
  return await Promise.all(
    members.filter(({ isRunning }) => isRunning).map(async (member) => await stateOf(member)),
  );
}

async function stateOf(member: SimulatedMember): Promise<FinalState> {
  const request = { kind: "range", key: "\0", rangeEnd: "\0", serializable: true } as const;
  const channel = member.channel("judge");
  try {
    const answer = await callStore(channel, request, { timeoutMs: READ_TIMEOUT_MS });
    if (answer.kind !== "range") throw new Error(`A range was answered by a ${answer.kind}`);
    return { member: member.name, revision: answer.revision, kvs: answer.kvs };
  } finally {
    await channel.close();
  }
}
