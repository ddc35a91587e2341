import { encodeUtf8, type Random, randomBelow, silentLogger } from "@sagong/base";
import { type OpenState, openState, RequestBatch } from "@sagong/kv/parts";
import {
  CompactionRequest,
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  PutRequest,
} from "@sagong/kv/testing";
import { encodeProposals, type Entry, type SnapshotMetadata } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { SimulatedWorld } from "../world/simulated-world.js";
import { SimulatedDisk } from "./simulated-disk.js";

const SEEDS = 24;
const IDENTITY = { clusterId: 1n, memberId: 2n, members: [] };
/** Entries of one history. */
const LENGTH = 150;

/** The `index`-th entry of the history that every machine of this seed has. */
function entryAt(index: number, random: Random): Entry {
  const below = (limit: number): number => randomBelow(random, limit);
  const key = encodeUtf8(`key ${below(8)}`);
  const request = (): Parameters<typeof RequestBatch.encode>[0]["requests"][number]["request"] => {
    const kind = below(12);
    const id = BigInt(1 + below(3));
    if (kind === 0) return { kind: "deleteRange", value: DeleteRangeRequest.create({ key }) };
    if (kind === 1)
      return { kind: "leaseGrant", value: LeaseGrantRequest.create({ id, ttl: 60 + below(9) }) };
    if (kind === 2)
      return {
        kind: "leaseRevoke",
        value: { ...LeaseRevokeRequest.create({ id }), expiredInTerm: 0 },
      };
    if (kind === 3) {
      return {
        kind: "compact",
        value: CompactionRequest.create({ revision: Math.floor(index / 2) }),
      };
    }
    const value = new Uint8Array(below(4) === 0 ? 2_000 : 20).fill(index);
    return { kind: "put", value: PutRequest.create({ key, value, lease: kind === 4 ? id : 0n }) };
  };
  const requests = Array.from({ length: 1 + below(2) }, () => ({ request: request() }));
  const proposal = RequestBatch.encode({ memberId: 2n, firstSequence: index, requests });
  return {
    index,
    term: 1 + Math.floor(index / 40),
    kind: "normal",
    data: encodeProposals([proposal]),
  };
}

interface Machine {
  readonly world: SimulatedWorld;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  readonly failures: unknown[];
  readonly open: () => Promise<OpenState>;
}

function machine(world: SimulatedWorld, name: string): Machine {
  const disk = new SimulatedDisk({
    world,
    name,
    databaseBufferBytes: 3_000,
    // So that a history of some hundred versions fills files, and leaves garbage in them.
    blockFiles: { blockBytesMin: 150, unsyncedBytesMax: 4_000, fileBytesMax: 6_000 },
  });
  const failures: unknown[] = [];
  const open = (): Promise<OpenState> =>
    openState({
      disk: disk.mount({ enter: (callback) => callback() }),
      identity: IDENTITY,
      clock: world.clock,
      logger: silentLogger,
      onStorageError: (error) => failures.push(error),
      onFsync: () => {},
      segmentBytes: 6_000,
    });
  return { world, disk, random: world.chance("test"), failures, open };
}

/** What clients can see of a state, and what the next entries depend on. */
function digestOf({ store, lessor, machine: { appliedIndex } }: OpenState): string {
  const steps = store.hash(0);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const leases = lessor
    .all()
    .map(({ id, ttlSeconds, keys }) => [id, ttlSeconds, [...keys].toSorted()].join());
  const { revision, compactRevision } = store;
  return JSON.stringify({
    appliedIndex,
    revision,
    compactRevision,
    hash: step.value,
    leases: leases.toSorted(),
  });
}

interface Reference {
  readonly entries: readonly Entry[];
  /** Of the state after each index. */
  readonly digests: readonly string[];
  readonly image: { readonly metadata: SnapshotMetadata; readonly chunks: readonly Uint8Array[] };
}

/** A machine that nothing happens to. */
async function reference(world: SimulatedWorld): Promise<Reference> {
  const { open, random } = machine(world, "reference");
  const state = await open();
  const entries = Array.from({ length: LENGTH }, (_, i) => entryAt(i + 1, random));
  const digests = [digestOf(state)];
  const imageIndex = 60 + randomBelow(random, 40);
  let image: Reference["image"] | undefined;
  for (const entry of entries) {
    state.machine.apply([entry]);
    digests.push(digestOf(state));
    if (entry.index !== imageIndex) continue;
    const snapshot = await state.machine.openSnapshot();
    const { index, term, chunks } = snapshot;
    const kept: Uint8Array[] = [];
    for await (const chunk of chunks) kept.push(chunk);
    await snapshot.close();
    image = { metadata: { index, term, confState: { voters: [2n] } }, chunks: kept };
  }
  if (!image) throw new Error("there is no image");
  return { entries, digests, image };
}

/** How far a member has come, as it may be found after a crash. */
interface Progress {
  /** On disk for sure: in the log or the state. */
  acknowledged: number;
  /** In the state's database for sure. */
  durable: number;
  /** An image was being installed. */
  installing: boolean;
}

async function work(
  machine: Machine,
  all: Reference,
  state: OpenState,
  progress: Progress,
): Promise<void> {
  const { random, world } = machine;
  const { entries, image } = all;
  for (;;) {
    const applied = state.machine.appliedIndex;
    const kind = randomBelow(random, 14);
    if (kind < 8) {
      const next = entries.slice(applied, applied + 1 + randomBelow(random, 4));
      await state.log.append({ entries: next });
      progress.acknowledged = Math.max(progress.acknowledged, applied + next.length);
      if (next.length > 0) state.machine.apply(next);
    } else if (kind === 8) {
      progress.durable = Math.max(progress.durable, await state.machine.flush());
    } else if (kind === 9) {
      const index = await state.machine.flush();
      progress.durable = Math.max(progress.durable, index);
      const term = entries[index - 1]?.term ?? 0;
      if (index > state.log.stored.snapshot.index) {
        await state.log.compact({ index, term, confState: { voters: [2n] } });
      }
    } else if (kind === 10) {
      state.store.compactStep(5);
      state.medium.commit();
    } else if (kind === 11) await state.medium.reclaim();
    else if (kind === 12 && applied < image.metadata.index) {
      progress.installing = true;
      await state.machine.installSnapshot(image.metadata, chunksOf(image.chunks));
      progress.durable = image.metadata.index;
      await state.log.reset(image.metadata);
      progress.acknowledged = image.metadata.index;
      progress.installing = false;
    } else await new Promise<void>((resolve) => void world.after(randomBelow(random, 40), resolve));
  }
}

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** Opens as a member does after a crash, and checks what it finds. */
async function restart(machine: Machine, all: Reference, progress: Progress): Promise<OpenState> {
  const state = await machine.open();
  const { appliedIndex } = state.machine;
  const { snapshot, entries } = state.log.stored;
  const last = snapshot.index + entries.length;
  const { metadata } = all.image;
  expect(digestOf(state)).toBe(all.digests[appliedIndex]);
  expect(appliedIndex).toBeGreaterThanOrEqual(progress.durable);
  expect(appliedIndex).toBeGreaterThanOrEqual(snapshot.index);
  expect(Math.max(appliedIndex, last)).toBeGreaterThanOrEqual(progress.acknowledged);
  if (appliedIndex > last) {
    expect([progress.installing, appliedIndex]).toEqual([true, metadata.index]);
    await state.log.reset(metadata);
    progress.acknowledged = metadata.index;
  } else {
    const missing = entries.filter(({ index }) => index > appliedIndex);
    expect(missing).toEqual(all.entries.slice(appliedIndex, last));
    state.machine.apply(missing);
    progress.acknowledged = last;
  }
  progress.durable = Math.max(progress.durable, appliedIndex);
  progress.installing = false;
  expect(digestOf(state)).toBe(all.digests[state.machine.appliedIndex]);
  return state;
}

async function crashAfter({ world, disk, random }: Machine, withinMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    world.after((randomBelow(random, 1_000) / 1_000) * withinMs, () => {
      disk.crash(randomBelow(random, 2) === 0 ? "process" : "power");
      resolve();
    });
  });
}

async function live(world: SimulatedWorld): Promise<void> {
  const all = await reference(world);
  const one = machine(world, "m");
  const progress: Progress = { acknowledged: 0, durable: 0, installing: false };
  for (let start = 0; start < 8; start++) {
    if (randomBelow(one.random, 3) === 0) {
      const opening = one.open();
      opening.catch(() => {});
      await crashAfter(one, 6);
    }
    const state = await restart(one, all, progress);
    if (state.machine.appliedIndex === LENGTH) break;
    const working = work(one, all, state, progress);
    await Promise.race([working, crashAfter(one, 150)]);
  }
  expect(one.failures).toEqual([]);
}

describe("a member's state on a simulated disk", () => {
  it("is after every crash that of a prefix of the log, and lacks nothing that the log forgot", async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new SimulatedWorld(seed);
      await world.settle(live(world), 600_000).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  });

  it("is never another one after damage: refused, or that of a prefix", async () => {
    const world = new SimulatedWorld(5);
    await world.settle(damageAndOpen(world), 600_000);
  });
});

/** A bit flipped or an end cut off, in tables, in LevelDB's log and in block files. */
async function damageAndOpen(world: SimulatedWorld): Promise<void> {
  const all = await reference(world);
  const { disk, open } = machine(world, "m");
  const damages = new Set<string>();
  let refused = 0;
  for (let round = 0; round < 6; round++) {
    const state = await open();
    for (const entry of all.entries.slice(state.machine.appliedIndex, 25 * (round + 1))) {
      state.machine.apply([entry]);
      if (entry.index % 7 === 0) await state.machine.flush();
    }
    await state.machine.flush();
    disk.crash("process");
    const whole = disk.copy();
    for (let i = 0; i < 24; i++) {
      const what = i % 4 === 0 ? disk.truncateFile("database") : disk.flipBit("database");
      damages.add(String(what).replaceAll(/\d+/g, "N"));
      const found = await open().catch(() => undefined);
      if (!found) refused++;
      const isLegal = !found || digestOf(found) === all.digests[found.machine.appliedIndex];
      expect([what, isLegal]).toEqual([what, true]);
      disk.crash("process");
      disk.restore(whole);
    }
  }
  expect([...damages]).toEqual(
    expect.arrayContaining([
      "bit N of N.blocks is flipped",
      "N.blocks is cut off at N",
      "a block of a table cannot be read",
    ]),
  );
  expect(refused).toBeGreaterThan(40);
}
