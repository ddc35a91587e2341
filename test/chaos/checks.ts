/**
 * What the members hold when all is over, for the checkers of histories (packages/robustness), and
 * what these cannot see: whether HashKV is equal at equal revision.
 */
import { HashKVRequest, MaintenanceService } from "@sagong/kv/testing";
import {
  callStore,
  checkHashes,
  checkHistory,
  type FinalState,
  type History,
  type LeaseBounds,
  leaseBounds,
  type MemberHash,
  type Violation,
} from "@sagong/robustness";
import type { Channel } from "@sagong/rpc";
import { until } from "../support/until.js";
import type { ChaosCluster } from "./cluster.js";

type Unsettled = NonNullable<LeaseBounds["unsettled"]>;

/** The longest that faults start members with (faults/version-faults.ts). */
const ELECTION_MS_MAX = 2_000;
const LIMIT_MS = 30_000;
const CALL_TIMEOUT_MS = 10_000;
/** As key and as end of the range (etcd's API). */
const ALL_KEYS = "\0";

export interface FinalLook {
  readonly states: readonly FinalState[];
  readonly violations: readonly Violation[];
}

/** Nobody writes any more, and every member has all revisions, or will soon. */
export async function lookAtMembers(cluster: ChaosCluster, revision: number): Promise<FinalLook> {
  const looks = await Promise.all(
    cluster.members.map(async (member) => {
      const channel = cluster.channel(member);
      try {
        return {
          // A member that has not applied so much yet says so.
          hash: await until(`${member.name} has a hash`, LIMIT_MS, () =>
            hashOf(channel, member.name, revision),
          ),
          state: await stateOf(channel, member.name),
        };
      } finally {
        await channel.close();
      }
    }),
  );
  return {
    states: looks.map(({ state }) => state),
    violations: checkHashes(looks.map(({ hash }) => hash)),
  };
}

/**
 * Everything that clients were told, against what the members came to hold. `unsettled`: while a fault
 * lasted and until all members made progress again.
 */
export function judge(
  history: History,
  {
    finalStates,
    unsettled,
  }: { readonly finalStates: readonly FinalState[]; readonly unsettled: Unsettled },
): readonly Violation[] {
  return checkHistory(history, {
    ...(finalStates.length > 0 && { finalStates }),
    leaseBounds: leaseBounds({ electionMs: ELECTION_MS_MAX, unsettled }),
  });
}

async function hashOf(channel: Channel, member: string, revision: number): Promise<MemberHash> {
  const { hashKv } = MaintenanceService.methods;
  const request = HashKVRequest.create({ revision });
  const answer = await channel.unary(hashKv, request, { timeoutMs: CALL_TIMEOUT_MS });
  return { member, revision, compactRevision: answer.compactRevision, hash: answer.hash };
}

/** Its own, not the leader's: a serializable read. */
async function stateOf(channel: Channel, member: string): Promise<FinalState> {
  const request = {
    kind: "range",
    key: ALL_KEYS,
    rangeEnd: ALL_KEYS,
    serializable: true,
  } as const;
  const answer = await callStore(channel, request, { timeoutMs: CALL_TIMEOUT_MS });
  if (answer.kind !== "range") throw new Error(`a range was answered by a ${answer.kind}`);
  return { member, revision: answer.revision, kvs: answer.kvs };
}
