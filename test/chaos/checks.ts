/**
 * What the members hold when all is over, for the checkers of histories (packages/robustness), and
 * what these cannot see: whether HashKV is equal at equal revision.
 */
import { HashKVRequest, MaintenanceService } from "@sagong/kv/testing";
import {
  callStore,
  checkHistory,
  type FinalState,
  type History,
  type Violation,
} from "@sagong/robustness";
import type { Channel } from "@sagong/rpc";
import { until } from "../support/until.js";
import type { ChaosCluster } from "./cluster.js";

const LIMIT_MS = 30_000;
const CALL_TIMEOUT_MS = 10_000;
/** As key and as end of the range (etcd's API). */
const ALL_KEYS = "\0";

export interface FinalLook {
  readonly states: readonly FinalState[];
  readonly violations: readonly Violation[];
}

/** Every member has this revision, or will soon; nobody writes any more. */
export async function lookAtMembers(cluster: ChaosCluster, revision: number): Promise<FinalLook> {
  const looks = await Promise.all(
    cluster.members.map(async (member) => {
      const channel = cluster.channel(member);
      try {
        return {
          name: member.name,
          // A member that has not applied so much yet says so.
          hash: await until(`${member.name} has a hash`, LIMIT_MS, () => hashOf(channel, revision)),
          state: await stateOf(channel, member.name),
        };
      } finally {
        await channel.close();
      }
    }),
  );
  const states = looks.map(({ state }) => state);
  if (new Set(looks.map(({ hash }) => hash)).size === 1) return { states, violations: [] };
  const words = looks.map(({ name, hash }) => `${name} ${hash}`).join(", ");
  const text = `HashKV at revision ${revision} differs: ${words}`;
  return { states, violations: [{ guarantee: "equal-hash", text }] };
}

/** Everything that clients were told, against what the members came to hold. */
export function judge(history: History, finalStates: readonly FinalState[]): readonly Violation[] {
  return checkHistory(history, { finalStates });
}

async function hashOf(channel: Channel, revision: number): Promise<number> {
  const { hashKv } = MaintenanceService.methods;
  const request = HashKVRequest.create({ revision });
  const { hash } = await channel.unary(hashKv, request, { timeoutMs: CALL_TIMEOUT_MS });
  return hash;
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
