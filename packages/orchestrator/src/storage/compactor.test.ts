import { silentLogger, VirtualClock } from "@sagong/base";
import { RpcError, StatusCode } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { Compactor, type CompactorDependencies } from "./compactor.js";

const INTERVAL_MS = 300_000;

interface FakeStore {
  revision: number;
  readonly compactions: number[];
  readonly store: CompactorDependencies["store"];
}

function fakeStore(): FakeStore {
  const fake: FakeStore = {
    revision: 10,
    compactions: [],
    store: {
      range: () =>
        Promise.resolve({
          header: { clusterId: 1n, memberId: 1n, revision: fake.revision, raftTerm: 1 },
          kvs: [],
          more: false,
          count: 0,
        }),
      compact: ({ revision = 0 }) => {
        if (fake.compactions.includes(revision)) {
          return Promise.reject(new RpcError(StatusCode.outOfRange, "compacted"));
        }
        fake.compactions.push(revision);
        return Promise.resolve({ header: undefined });
      },
    },
  };
  return fake;
}

describe("Compactor", () => {
  it("keeps what was current one interval ago", async () => {
    const clock = new VirtualClock();
    const fake = fakeStore();
    const compactor = new Compactor(INTERVAL_MS, {
      store: fake.store,
      clock,
      logger: silentLogger,
    });
    await pass(clock);
    expect(fake.compactions).toEqual([]);
    fake.revision = 50;
    await pass(clock);
    expect(fake.compactions).toEqual([10]);
    fake.revision = 90;
    await pass(clock);
    expect(fake.compactions).toEqual([10, 50]);
    await compactor.close();
  });

  it("takes what another API server has compacted already for done", async () => {
    const clock = new VirtualClock();
    const fake = fakeStore();
    fake.compactions.push(10);
    const compactor = new Compactor(INTERVAL_MS, {
      store: fake.store,
      clock,
      logger: silentLogger,
    });
    await pass(clock);
    fake.revision = 20;
    await pass(clock);
    await pass(clock);
    expect(fake.compactions).toEqual([10, 20]);
    await compactor.close();
  });
});

/** One interval, and the turns of the event loop that the work of its end needs. */
async function pass(clock: VirtualClock): Promise<void> {
  clock.advance(INTERVAL_MS);
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
