/**
 * Three members as processes, clients that read and write on all of them, and the leader killed ten
 * times over. Afterwards nothing that a client was told may have been untrue.
 *
 * Verified: the history is linearizable, and so are revisions over all keys; every acknowledged write
 * is in the store's history, once, and nothing is there that nobody wrote; watches that were open all
 * the time on each member, over its restarts, have seen exactly that history; the members hold equal
 * data; writes go on soon after each kill.
 * Not verified: faults of disk, network and clock; members that are stopped and not killed; changes
 * of membership.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeUtf8, encodeUtf8, prefixEnd } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { createStoreClient, type StoreClient } from "@sagong/kv/client";
import { HashKVRequest, MaintenanceService } from "@sagong/kv/testing";
import { checkEvents, checkKvHistory, type KvEvent } from "@sagong/robustness";
import { createChannel } from "@sagong/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChaosClients } from "./support/chaos-clients.js";
import { EventCollector } from "./support/event-collector.js";
import { HistoryRecorder } from "./support/history-recorder.js";
import { storeCluster, type StoreProcess } from "./support/store-process.js";
import { until } from "./support/until.js";

const KILLS = 10;
const CLIENTS = 12;
const KEYS = 6;
/** Writes that must be acknowledged between two kills. */
const PROGRESS_WRITES = 100;
/** Far above what it takes, for slow machines; the figure is printed. */
const NEXT_WRITE_LIMIT_MS = 10_000;
const WAIT_LIMIT_MS = 20_000;
/** Small, so that members that come back sometimes need a snapshot and not just the log. */
const FLAGS = { "snapshot-count": 200, "snapshot-catchup-entries": 50, "log-level": "info" };

const seed = Number(process.env["SAGONG_CHAOS_SEED"] ?? Date.now() % 1_000_000);

describe("a store whose leader is killed again and again", () => {
  const dir = mkdtempSync(join(tmpdir(), "sagong-chaos-"));
  let imageCount = 0;
  let members: readonly StoreProcess[];
  let stores: readonly StoreClient[];

  beforeAll(async () => {
    members = await storeCluster(dir, { count: 3, flags: FLAGS });
    await Promise.all(members.map((member) => member.start()));
    stores = members.map(({ endpoint }) =>
      createStoreClient({ endpoints: [`http://${endpoint}`] }, { clock: realClock() }),
    );
  });

  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(members.map((member) => member.end("SIGTERM")));
    rmSync(dir, { recursive: true, force: true });
  });

  it("told its clients nothing untrue, and went on within seconds", async () => {
    console.log(`chaos: seed ${seed} (SAGONG_CHAOS_SEED)`);
    const recorder = new HistoryRecorder();
    const watches = stores.map((store) => new EventCollector(store, "chaos/"));
    try {
      const waitsMs = await killLeaders(recorder);
      const longestMs = Math.max(...waitsMs);
      report(recorder, waitsMs);
      expect(longestMs).toBeLessThan(NEXT_WRITE_LIMIT_MS);
      const revision = await lastWrite(stores);
      for (const watch of watches) await watch.reach(revision, WAIT_LIMIT_MS);
    } finally {
      await Promise.all(watches.map((watch) => watch.stop()));
    }

    expect(checkKvHistory(recorder.spans)).toEqual([]);
    const [first, ...others] = watches.map((watch) => watch.events);
    // The last one is the mark.
    expect(checkEvents(recorder.spans, first?.slice(0, -1) ?? [])).toEqual([]);
    for (const events of others) expect(events).toEqual(first);

    for (const store of stores) expect(await pairsOf(store)).toEqual(pairsAfter(first ?? []));

    const revision = first?.at(-1)?.revision ?? 0;
    await until("the members' hashes are equal", WAIT_LIMIT_MS, async () => {
      const hashes = await Promise.all(members.map((member) => hashAt(member, revision)));
      expect(hashes).toEqual(hashes.map(() => hashes[0]));
    });
  });

  /** While clients are at work. How long it was without writes after each kill. */
  async function killLeaders(recorder: HistoryRecorder): Promise<readonly number[]> {
    const options = { seed, stores, clientCount: CLIENTS, keyCount: KEYS, recorder };
    const clients = new ChaosClients(options);
    const waitsMs: number[] = [];
    try {
      for (let kill = 0; kill < KILLS; kill++) waitsMs.push(await killLeader(recorder));
    } finally {
      await clients.stop();
    }
    return waitsMs;
  }

  /** Kills whoever leads; resolves when it is back. */
  async function killLeader(recorder: HistoryRecorder): Promise<number> {
    const leader = await leaderOf(members, stores);
    await progress(recorder);
    imageCount += imagesInstalledBy(leader);
    const next = recorder.nextAcknowledged();
    const killedMs = performance.now();
    expect(await leader.end("SIGKILL")).toBe("SIGKILL");
    const { returnedMs } = await next;
    await progress(recorder);
    await leader.start();
    return returnedMs - killedMs;
  }

  function report({ spans }: HistoryRecorder, waitsMs: readonly number[]): void {
    for (const member of members) imageCount += imagesInstalledBy(member);
    const lostCount = spans.filter(({ returnedAt }) => returnedAt === undefined).length;
    console.log(
      `chaos: ${spans.length} operations, ${lostCount} of unknown outcome; ` +
        `${imageCount} images installed; from each kill to the next acknowledged write ` +
        `${waitsMs.map(Math.round).join(", ")} ms, at most ${Math.round(Math.max(...waitsMs))}`,
    );
  }
});

/** Since its last start. */
function imagesInstalledBy({ output }: StoreProcess): number {
  return output.split("installing an image").length - 1;
}

async function progress(recorder: HistoryRecorder): Promise<void> {
  const goal = recorder.acknowledgedCount + PROGRESS_WRITES;
  await until(`${PROGRESS_WRITES} writes are acknowledged`, WAIT_LIMIT_MS, async () => {
    expect(recorder.acknowledgedCount).toBeGreaterThanOrEqual(goal);
  });
}

/** The member that says it leads, once a majority says so too. */
async function leaderOf(
  members: readonly StoreProcess[],
  stores: readonly StoreClient[],
): Promise<StoreProcess> {
  return await until("all members agree on a leader", WAIT_LIMIT_MS, async () => {
    const statuses = await Promise.all(stores.map((store) => store.status({ timeoutMs: 2_000 })));
    const leaders = new Set(statuses.map(({ leader }) => leader));
    const index = statuses.findIndex(({ leader, header }) => leader === header?.memberId);
    const leader = members[index];
    if (!leader || leaders.size !== 1) throw new Error(`leaders: ${[...leaders].join(", ")}`);
    return leader;
  });
}

/** A write behind all others; its revision. */
async function lastWrite(stores: readonly StoreClient[]): Promise<number> {
  const [store] = stores;
  if (!store) throw new Error("no stores");
  const { header } = await store.put({ key: encodeUtf8("chaos/end"), value: encodeUtf8("end") });
  return header?.revision ?? 0;
}

/** What must be there after these events. */
function pairsAfter(events: readonly KvEvent[]): Readonly<Record<string, string>> {
  const pairs = new Map<string, string>();
  for (const { key, value } of events) {
    if (value === undefined) pairs.delete(key);
    else pairs.set(key, value);
  }
  return Object.fromEntries(pairs);
}

async function pairsOf(store: StoreClient): Promise<Readonly<Record<string, string>>> {
  const key = encodeUtf8("chaos/");
  const { kvs } = await store.range({ key, rangeEnd: prefixEnd(key) });
  return Object.fromEntries(kvs.map((kv) => [decodeUtf8(kv.key), decodeUtf8(kv.value)]));
}

async function hashAt({ endpoint }: StoreProcess, revision: number): Promise<number> {
  const channel = createChannel({ endpoint: `http://${endpoint}` });
  try {
    const request = HashKVRequest.create({ revision });
    const { hashKv } = MaintenanceService.methods;
    const { hash } = await channel.unary(hashKv, request, { timeoutMs: 5_000 });
    return hash;
  } finally {
    await channel.close();
  }
}
