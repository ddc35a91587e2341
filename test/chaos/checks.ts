/**
 * What must hold at a run's end, besides what the checkers of histories say: that the members agree
 * with each other and with what was seen of them.
 *
 * Verified: HashKV is equal at equal revision; observers of all members saw the same events in the
 * same order; every acknowledged write is among them, under its revision.
 */
import { HashKVRequest, MaintenanceService } from "@sagong/kv/testing";
import {
  eventRevision,
  type History,
  type KvRequest,
  type Operation,
  type Violation,
  type WatchEvent,
  type WatchRecord,
} from "@sagong/robustness";
import { until } from "../support/until.js";
import type { ChaosCluster } from "./cluster.js";

const HASH_LIMIT_MS = 30_000;
const CALL_TIMEOUT_MS = 5_000;

/** Of this revision on each member. */
export async function checkHashes(cluster: ChaosCluster, revision: number): Promise<Violation[]> {
  const hashes = await Promise.all(
    cluster.members.map(async (member) => {
      const channel = cluster.channel(member);
      try {
        const request = HashKVRequest.create({ revision });
        const { hashKv } = MaintenanceService.methods;
        // A member that has not applied so much yet says so.
        const { hash } = await until(`${member.name} has a hash`, HASH_LIMIT_MS, () =>
          channel.unary(hashKv, request, { timeoutMs: CALL_TIMEOUT_MS }),
        );
        return { name: member.name, hash };
      } finally {
        await channel.close();
      }
    }),
  );
  if (new Set(hashes.map(({ hash }) => hash)).size === 1) return [];
  const words = hashes.map(({ name, hash }) => `${name} ${hash}`).join(", ");
  return [{ guarantee: "equal-hash", text: `HashKV at revision ${revision} differs: ${words}` }];
}

/** `clients` are the observers'. */
export function checkObservers(history: History, clients: readonly string[]): Violation[] {
  const seen = clients.map((client) => ({
    client,
    events: history.watches.filter((watch) => watch.client === client).flatMap(eventsOf),
  }));
  const [first, ...others] = seen;
  if (!first) throw new Error("nobody observed");
  const lines = first.events.map(describe);
  const differing = others.flatMap(({ client, events }): Violation[] => {
    const at = events.findIndex((event, i) => describe(event) !== lines[i]);
    if (at < 0 && events.length === lines.length) return [];
    const place = at < 0 ? Math.min(events.length, lines.length) : at;
    const event = events[place];
    const text =
      `${client} and ${first.client} differ from event ${place + 1} on: ` +
      `${event ? describe(event) : "nothing more"} and ${lines[place] ?? "nothing more"}`;
    return [{ guarantee: "watch-reliable", text }];
  });
  return [...differing, ...checkAcknowledged(history.operations, new Set(lines))];
}

function checkAcknowledged(
  operations: readonly Operation[],
  events: ReadonlySet<string>,
): Violation[] {
  return operations.flatMap((operation) =>
    writesOf(operation)
      .filter((write) => !events.has(write))
      .map((write) => ({
        guarantee: "no-acknowledged-write-lost",
        text: `${operation.client} was told by ${operation.member} of ${write}, which nobody saw`,
        ...(operation.returnedMs !== undefined && { atMs: operation.returnedMs }),
      })),
  );
}

/** The puts that this operation was told to have done, as `describe` has them. */
function writesOf({ request, outcome }: Operation): readonly string[] {
  if (outcome.kind !== "answered") return [];
  const { response } = outcome;
  const { revision } = response;
  const steps: readonly KvRequest[] =
    request.kind !== "txn"
      ? [request]
      : response.kind === "txn" && response.succeeded
        ? request.success
        : [];
  return steps.flatMap((step) =>
    step.kind === "put" ? [`put ${step.key} = ${step.value} at ${revision}`] : [],
  );
}

function eventsOf({ responses }: WatchRecord): readonly WatchEvent[] {
  return responses.flatMap(({ events }) => events);
}

/** Without the previous pair: a member that has compacted it leaves it out. */
function describe(event: WatchEvent): string {
  const what =
    event.kind === "put" ? `put ${event.kv.key} = ${event.kv.value}` : `delete ${event.key}`;
  return `${what} at ${eventRevision(event)}`;
}
