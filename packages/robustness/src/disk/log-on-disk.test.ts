import { type Random, randomBelow } from "@sagong/base";
import { EMPTY_HARD_STATE, FileLogStorage, type LogStorage, type StoredLog } from "@sagong/raft";
import { entry, INITIAL } from "@sagong/raft/testing";
import { describe, expect, it } from "vitest";
import { SimulatedWorld } from "../world/simulated-world.js";
import { SimulatedDisk } from "./simulated-disk.js";

const SEEDS = 200;

/** One call of raft's, and what the log is when it has been carried out. */
interface Call {
  readonly after: StoredLog;
  readonly ask: (storage: LogStorage) => Promise<void>;
}

function randomCall(log: StoredLog, random: Random): Call {
  const below = (limit: number): number => randomBelow(random, limit);
  const first = log.snapshot.index + 1;
  const kind = below(10);
  const last = log.entries[below(log.entries.length + 1)];
  if (kind < 2 && last) {
    const snapshot = { ...INITIAL, index: last.index, term: last.term };
    const entries = log.entries.filter(({ index }) => index > last.index);
    return { after: { ...log, snapshot, entries }, ask: (storage) => storage.compact(snapshot) };
  }
  if (kind === 2) {
    const index = log.snapshot.index + log.entries.length + 1 + below(5);
    const snapshot = { ...INITIAL, index, term: log.hardState.term };
    return { after: { ...log, snapshot, entries: [] }, ask: (storage) => storage.reset(snapshot) };
  }
  const term = log.hardState.term + below(2);
  const kept = log.entries.slice(0, log.entries.length - below(3));
  const start = first + kept.length;
  const bytes = below(3) === 0 ? below(3_000) : below(60);
  const entries = Array.from({ length: below(4) }, (_, i) =>
    entry(start + i, term, String.fromCharCode(below(2) === 0 ? 0 : 97).repeat(bytes)),
  );
  const hardState = { term, vote: below(2) === 0 ? 3n : undefined, commit: log.hardState.commit };
  return {
    after: {
      ...log,
      hardState,
      entries: entries.length === 0 ? log.entries : [...kept, ...entries],
    },
    ask: (storage) => storage.append({ hardState, entries }),
  };
}

interface Machine {
  readonly world: SimulatedWorld;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  readonly open: () => Promise<LogStorage>;
}

function machine(seed: number, segmentBytes = 2_000): Machine {
  const world = new SimulatedWorld(seed);
  const disk = new SimulatedDisk({ world, name: "m" });
  const open = (): Promise<LogStorage> =>
    FileLogStorage.open({
      files: disk.mount({ enter: (callback) => callback() }).logFiles,
      clusterId: 1n,
      memberId: 2n,
      initial: INITIAL,
      segmentBytes,
    });
  return { world, disk, random: world.chance("test"), open };
}

/** Runs calls until a crash at a moment of chance; what may be found then, the likelier first. */
async function untilCrash(
  { world, disk, random }: Machine,
  { log, storage }: { readonly log: StoredLog; readonly storage: LogStorage },
): Promise<readonly StoredLog[]> {
  let acknowledged = log;
  let underway = log;
  let isOver = false;
  const crashed = new Promise<void>((resolve) => {
    world.after(randomBelow(random, 30_000) / 1_000, () => {
      isOver = true;
      disk.crash(randomBelow(random, 2) === 0 ? "process" : "power");
      resolve();
    });
  });
  const calls = async (): Promise<void> => {
    while (!isOver) {
      const call = randomCall(acknowledged, random);
      underway = call.after;
      await call.ask(storage);
      acknowledged = call.after;
    }
  };
  await Promise.race([crashed, calls()]);
  return [acknowledged, underway];
}

/** The member's life: starts and crashes, also in the middle of starting. */
async function live(machine: Machine): Promise<void> {
  const { world, disk, random, open } = machine;
  let legal: readonly StoredLog[] = [
    { hardState: EMPTY_HARD_STATE, snapshot: INITIAL, entries: [] },
  ];
  for (let start = 0; start < 6; start++) {
    if (randomBelow(random, 3) === 0) {
      const opening = open();
      opening.catch(() => {});
      await new Promise<void>((resolve) => {
        world.after(randomBelow(random, 5_000) / 1_000, resolve);
      });
      disk.crash(randomBelow(random, 2) === 0 ? "process" : "power");
    }
    const storage = await open();
    const log = storage.stored;
    expect(legal).toContainEqual(log);
    legal = await untilCrash(machine, { log, storage });
  }
}

describe("FileLogStorage on a simulated disk", () => {
  it.each(["sectors", "bytes"] as const)(
    "has what was acknowledged after every crash, and at most the call under way (%s)",
    async (tearing) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const one = machine(seed, 1_000 + (seed % 7) * 1_000);
        one.disk.faults.tearing = tearing;
        await one.world.settle(live(one), 60_000).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    },
  );
});
