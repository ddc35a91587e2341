/**
 * The clients of a run are those of the simulator (packages/robustness/src/traffic), on real time and
 * real connections; and a probe, which asks each member for a write, to see whether it makes progress.
 */
import { crc32c, encodeUtf8, seededRandom } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { type KvRequest, Traffic, TRAFFIC_PROFILES, type TrafficProfile } from "@sagong/robustness";
import type { ChaosCluster } from "./cluster.js";
import type { ChaosMember } from "./member.js";

const KV_CLIENTS_PER_MEMBER = 4;
const COMPACTION_MS = 10_000;
/** A seed that was given, and the name of a stream of chance, make one safe integer. */
const SEEDS = 2 ** 20;
const PROBE_TIMEOUT_MS = 2_000;
const PROBE_RETRY_MS = 50;

export function chaosTraffic(
  cluster: ChaosCluster,
  { seed, operationsPerSecond }: { readonly seed: number; readonly operationsPerSecond: number },
): Traffic {
  const surroundings = {
    clock: realClock(),
    chance: (name: string) => seededRandom((seed % SEEDS) * 2 ** 32 + crc32c(encodeUtf8(name))),
    members: cluster.members.map(({ name }) => name),
    connect: (_client: string, member: string) => cluster.channel(cluster.member(member)),
  };
  const profile = profileOf(cluster.members.length, operationsPerSecond);
  return new Traffic(surroundings, { profile });
}

function profileOf(memberCount: number, operationsPerSecond: number): TrafficProfile {
  const [steady] = TRAFFIC_PROFILES;
  if (!steady) throw new Error("there is no profile of traffic to begin with");
  const kvClients = KV_CLIENTS_PER_MEMBER * memberCount;
  return {
    ...steady,
    name: "chaos",
    kvClients,
    failoverClients: memberCount,
    thinkMs: (1000 * kvClients) / operationsPerSecond,
    watchClients: 2 * memberCount,
    slowWatchClients: 1,
    leaseClients: memberCount,
    lockClients: memberCount,
    compactionMs: COMPACTION_MS,
  };
}

/**
 * How long it takes until every member has acknowledged a write that was asked for from now on;
 * undefined where that is not within the limit.
 */
export async function probeMembers(
  cluster: ChaosCluster,
  { recorder }: Traffic,
  limitMs: number,
): Promise<number | undefined> {
  const sinceMs = performance.now();
  const hasAll = await Promise.all(
    cluster.members.map((member) => probe(cluster, member, { recorder, endMs: sinceMs + limitMs })),
  );
  return hasAll.every(Boolean) ? performance.now() - sinceMs : undefined;
}

async function probe(
  cluster: ChaosCluster,
  member: ChaosMember,
  { recorder, endMs }: Pick<Traffic, "recorder"> & { readonly endMs: number },
): Promise<boolean> {
  // A connection of its own: how soon an old one is given up is its client's affair.
  const channel = cluster.channel(member);
  try {
    while (performance.now() < endMs) {
      const value = `probe.${member.name}.${performance.now()}`;
      const request: KvRequest = { kind: "put", key: `probe/${member.name}`, value };
      const asking = { client: `probe-${member.name}`, member: member.name, channel };
      const outcome = await recorder.perform(asking, request, { timeoutMs: PROBE_TIMEOUT_MS });
      if (outcome.kind === "answered") return true;
      await new Promise((resolve) => setTimeout(resolve, PROBE_RETRY_MS));
    }
    return false;
  } finally {
    await channel.close();
  }
}
