import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { decodeUtf8, encodeUtf8, toHex } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { encodeProposals, type Entry, ImageRefusedError } from "@sagong/raft";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Applier } from "../apply/applier.js";
import { range } from "../apply/range.js";
import { LevelBackend } from "../backend/level-backend.js";
import { levelDatabases } from "../backend/level-databases.js";
import { MemoryBackend } from "../backend/memory-backend.js";
import {
  CompactionRequest,
  DeleteRangeRequest,
  LeaseGrantRequest,
  PutRequest,
} from "../gen/rpc.js";
import { type InternalRequest, RequestBatch } from "../gen/store.js";
import { Lessor } from "../lease/lessor.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { StoreLoader } from "../mvcc/open-store.js";
import { rangeRequest } from "../testing/state-fixture.js";
import { WatchableStore } from "../watch/watchable-store.js";
import { Watcher, type WatcherOptions, type WatchSink } from "../watch/watcher.js";
import { KvStateMachine } from "./kv-state-machine.js";
import { Membership } from "./membership.js";
import type { Pair } from "./state-medium.js";

const IDENTITY = { clusterId: 1n, memberId: 1n, members: [] };
let dir: string;
let open: { medium: LevelBackend }[];

beforeEach(async () => {
  dir = await mkdtemp(`${tmpdir()}/sagong-machine-`);
  open = [];
});
afterEach(async () => {
  for (const { medium } of open) await medium.close();
  await rm(dir, { recursive: true, force: true });
});

async function openMachine(name: string) {
  const clock = realClock();
  const fail = (error: unknown): never => {
    throw error;
  };
  const medium = await LevelBackend.open({
    dir: `${dir}/${name}`,
    clock,
    databases: levelDatabases,
    onError: fail,
  });
  const store = new MvccStore(medium);
  const lessor = new Lessor();
  const applier = new Applier({ store, lessor, backend: medium });
  const watchable = new WatchableStore(store, { clock });
  const membership = new Membership(IDENTITY, medium);
  const parts = { medium, store, lessor, applier, watchable, membership, clock };
  const machine = await KvStateMachine.open(parts);
  const opened = { ...parts, machine };
  open.push(opened);
  return opened;
}
type Opened = Awaited<ReturnType<typeof openMachine>>;

const entry = (index: number, request: InternalRequest["request"]): Entry => ({
  index,
  term: 1,
  kind: "normal",
  data: encodeProposals([
    RequestBatch.encode({ memberId: 1n, firstSequence: index, requests: [{ request }] }),
  ]),
});

const put = (index: number, key: string, more: Partial<PutRequest> = {}): Entry =>
  entry(index, {
    kind: "put",
    value: PutRequest.create({ key: encodeUtf8(key), value: encodeUtf8(`${index}`), ...more }),
  });

const puts = (from: number, to: number): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => put(from + i, `key ${(from + i) % 7}`));

async function hash({ store }: Opened): Promise<unknown> {
  const steps = store.hash(0);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

const values = ({ store }: Opened): string[] =>
  range(store, rangeRequest("key", { rangeEnd: encodeUtf8("kez") })).kvs.map(({ value }) =>
    decodeUtf8(value),
  );

/** The image of `from` into `to`. */
async function transfer(from: Opened, to: Opened): Promise<void> {
  const image = await from.machine.openSnapshot();
  const { index, term, chunks } = image;
  try {
    await to.machine.installSnapshot({ index, term, confState: { voters: [1n] } }, chunks);
  } finally {
    await image.close();
  }
}

function watch({ watchable }: Opened, more: Partial<WatcherOptions> = {}) {
  const seen = { revisions: [] as number[], hasRoom: true };
  const sink: WatchSink = {
    get isFull() {
      return !seen.hasRoom;
    },
    offer: (_watcher, { changes }) => {
      if (seen.hasRoom) seen.revisions.push(...changes.map(({ revision }) => revision));
      return seen.hasRoom;
    },
    flush: () => {},
    onCompacted: () => {},
  };
  watchable.create(
    new Watcher({
      range: { start: "", end: undefined },
      startRevision: 0,
      prevKv: false,
      noPut: false,
      noDelete: false,
      sink,
      ...more,
    }),
  );
  return seen;
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("KvStateMachine.installSnapshot()", () => {
  it("gives the state and the hash of the member that sent it, now and after a restart", async () => {
    const [from, to] = [await openMachine("from"), await openMachine("to")];
    from.machine.apply(puts(1, 30));
    const lease = LeaseGrantRequest.create({ id: 9n, ttl: 60 });
    from.machine.apply([
      entry(31, { kind: "leaseGrant", value: lease }),
      put(32, "key leased", { lease: 9n }),
      entry(33, {
        kind: "deleteRange",
        value: DeleteRangeRequest.create({ key: encodeUtf8("key 3") }),
      }),
      entry(34, { kind: "compact", value: CompactionRequest.create({ revision: 25 }) }),
    ]);
    from.store.compactStep(3);
    from.medium.commit();
    to.machine.apply(puts(1, 5));
    await transfer(from, to);
    expect(await hash(to)).toEqual(await hash(from));
    expect(values(to)).toEqual(values(from));
    expect(to.lessor.get(9n)?.keys).toEqual(new Set(["key leased"]));
    for (const machine of [from, to]) machine.machine.apply(puts(35, 40));
    expect(await hash(to)).toEqual(await hash(from));
    await to.medium.close();
    open = open.filter((opened) => opened !== to);
    const again = await openMachine("to");
    expect(again.machine).toMatchObject({ appliedIndex: 40, appliedTerm: 1 });
    expect(await hash(again)).toEqual(await hash(from));
  });

  it("shows readers the old state until the new one is complete", async () => {
    const [from, to] = [await openMachine("from"), await openMachine("to")];
    from.machine.apply(puts(1, 300));
    to.machine.apply(puts(1, 20));
    const before = values(to);
    let looks = 0;
    let hadToWait = false;
    const reader = async (): Promise<void> => {
      while (to.machine.appliedIndex === 20) {
        const { replacement } = to.machine;
        if (replacement) {
          hadToWait = true;
          await replacement;
          continue;
        }
        expect(to.store.revision).toBe(21);
        expect(values(to)).toEqual(before);
        looks++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all([transfer(from, to), reader()]);
    expect(looks).toBeGreaterThan(0);
    expect(hadToWait).toBe(true);
    expect(to.machine.replacement).toBeUndefined();
    expect(values(to)).toEqual(values(from));
  });

  it("neither loses nor repeats an event of a watcher, synced or behind", async () => {
    const [from, to] = [await openMachine("from"), await openMachine("to")];
    from.machine.apply(puts(1, 100));
    to.machine.apply(puts(1, 10));
    const synced = watch(to);
    const behind = watch(to, { startRevision: 5 });
    const fromStart = watch(to, { startRevision: 1 });
    const future = watch(to, { startRevision: 60 });
    behind.hasRoom = fromStart.hasRoom = false;
    to.machine.apply(puts(11, 20));
    const catchUp = async (): Promise<void> => {
      while (to.machine.appliedIndex === 20) {
        if (!to.machine.replacement) to.watchable.catchUp();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all([transfer(from, to), catchUp()]);
    behind.hasRoom = fromStart.hasRoom = true;
    while (to.watchable.hasBehind) to.watchable.catchUp();
    to.machine.apply(puts(101, 103));
    expect(synced.revisions).toEqual(upTo(12, 104));
    expect(behind.revisions).toEqual(upTo(5, 104));
    expect(fromStart.revisions).toEqual(upTo(2, 104));
    expect(future.revisions).toEqual(upTo(60, 104));
  });

  it("refuses an image of another index than was said, and keeps its state", async () => {
    const [from, to] = [await openMachine("from"), await openMachine("to")];
    from.machine.apply(puts(1, 30));
    to.machine.apply(puts(1, 5));
    const before = await hash(to);
    const image = await from.machine.openSnapshot();
    const wrong = { index: 31, term: 1, confState: { voters: [1n] } };
    const installed = to.machine.installSnapshot(wrong, image.chunks);
    await expect(installed).rejects.toBeInstanceOf(ImageRefusedError);
    await expect(installed).rejects.toThrow(
      "the image is of index 30 and term 1, expected 31 and 1",
    );
    await image.close();
    expect(to.machine).toMatchObject({ appliedIndex: 5, replacement: undefined });
    expect(await hash(to)).toEqual(before);
    to.machine.apply(puts(6, 10));
    expect(to.store.revision).toBe(11);
  });
});

describe("KvStateMachine.apply()", () => {
  it("applies an entry once, also where a restart offers it again", async () => {
    const first = await openMachine("one");
    first.machine.apply(puts(1, 20));
    await first.medium.close();
    open = [];
    const again = await openMachine("one");
    again.machine.apply(puts(15, 25));
    expect(again.store.revision).toBe(26);
    expect(again.machine.appliedIndex).toBe(25);
  });

  it("refuses to leave an entry out", async () => {
    const { machine } = await openMachine("one");
    machine.apply(puts(1, 3));
    expect(() => machine.apply(puts(5, 5))).toThrow(
      "Cannot apply entry 5: 3 is applied, expected the next one",
    );
  });

  it("applies an entry as a whole, and its results come in the order of its proposals", async () => {
    const { machine, store } = await openMachine("one");
    const results: [bigint, number, number[]][] = [];
    const applied: number[] = [];
    machine.observe({
      onResults: ({ memberId, firstSequence }, list) =>
        results.push([memberId, firstSequence, list.map(({ revision }) => revision)]),
      onApplied: (index) => applied.push(index),
    });
    const batch = (
      memberId: bigint,
      firstSequence: number,
      values: readonly string[],
    ): Uint8Array =>
      RequestBatch.encode({
        memberId,
        firstSequence,
        requests: values.map((text) => ({
          request: {
            kind: "put",
            value: PutRequest.create({ key: encodeUtf8("key"), value: encodeUtf8(text) }),
          },
        })),
      });
    const entryOf = (index: number, ...batches: Uint8Array[]): Entry => ({
      index,
      term: 1,
      kind: "normal",
      data: encodeProposals(batches),
    });
    machine.apply([
      entryOf(1),
      entryOf(2, batch(7n, 4, ["a", "b"]), batch(8n, 1, ["c"])),
      entryOf(3, batch(7n, 6, ["d"])),
    ]);
    expect(store.revision).toBe(5);
    expect(results).toEqual([
      [7n, 4, [2, 3]],
      [8n, 1, [4]],
      [7n, 6, [5]],
    ]);
    expect(applied).toEqual([3]);
  });

  it("refuses an entry that is no batch of proposals", async () => {
    const { machine } = await openMachine("one");
    const data = Uint8Array.of(1, 2, 3);
    expect(() => machine.apply([{ index: 1, term: 1, kind: "normal", data }])).toThrow(
      "Cannot read the proposal at 0 of 3: tag 1, expected 10",
    );
  });

  it("a database that lost a batch below its compacted revision is noticed by the next mark", async () => {
    const opened = await openMachine("one");
    const { machine, medium, store } = opened;
    const after = async (...entries: Entry[]): Promise<Map<string, Pair>> => {
      machine.apply(entries);
      await medium.flush();
      const all = new Map<string, Pair>();
      for await (const pairs of medium.scan()) {
        for (const [key, value] of pairs) {
          all.set(toHex(key), [new Uint8Array(key), new Uint8Array(value)]);
        }
      }
      return all;
    };
    const remove = DeleteRangeRequest.create({ key: encodeUtf8("a") });
    const kept = await after(put(1, "a"), put(2, "b"));
    const lost = await after(entry(3, { kind: "deleteRange", value: remove }));
    const compaction = CompactionRequest.create({ revision: store.revision });
    const written = vi.spyOn(medium, "put");
    const newest = await after(entry(4, { kind: "compact", value: compaction }));
    // What a disk makes of it that lied about the second of three syncs.
    const found = new Map(kept);
    for (const [key] of written.mock.calls) {
      const name = toHex(key);
      const pair = newest.get(name);
      if (pair) found.set(name, pair);
    }
    expect(lost.size).toBeGreaterThan(kept.size);
    expect(found.size).toBe(kept.size);
    const pairs = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair);
    const loader = new StoreLoader(new MvccStore(new MemoryBackend()), new Lessor());
    loader.load(pairs);
    expect(() => loader.finish()).toThrow("its blocks of versions are not those that were written");
  });
});
