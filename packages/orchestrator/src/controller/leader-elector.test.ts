import { seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Lease } from "../api/gen/coordination-v1.js";
import { LEASES, NAMESPACES } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { elapse, elapseUntil, settle, whileElapsing } from "../testing/virtual-time.js";
import { LeaderElector } from "./leader-elector.js";

let clock: VirtualClock;
let cluster: MemoryCluster;

beforeEach(async () => {
  clock = new VirtualClock();
  cluster = await openMemoryCluster({ clock });
  await cluster.client.create(NAMESPACES, { metadata: { name: "kube-system" } });
});
afterEach(() => cluster.close());

type Reach = "works" | "refuses" | "hangs";

interface Candidate {
  readonly elector: LeaderElector;
  readonly leads: boolean;
  readonly starts: number;
  /** What becomes of its calls to the API server. */
  reach: Reach;
}

interface CandidateOptions {
  readonly onStart?: (signal: AbortSignal) => Promise<void>;
}

function candidate(identity: string, { onStart }: CandidateOptions = {}): Candidate {
  const state = { leads: false, starts: 0, reach: "works" as Reach };
  const elector = new LeaderElector(
    { name: "test", identity },
    {
      client: reaching(cluster.client, () => state.reach),
      clock,
      logger: silentLogger,
      onStart: async (signal) => {
        state.starts++;
        state.leads = true;
        await onStart?.(signal);
      },
      onStop: async () => {
        state.leads = false;
      },
    },
  );
  elector.start();
  return Object.assign(state, { elector });
}

/** The calls of an elector, on a connection that may fail or go silent. */
function reaching(client: ObjectClient, reach: () => Reach): ObjectClient {
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    if (reach() === "hangs") return new Promise(() => {}); // As a peer that was unplugged.
    if (reach() === "refuses") throw new Error("connection refused");
    return call();
  };
  const own: Pick<ObjectClient, "get" | "create" | "update"> = {
    get: (...call) => through(() => client.get(...call)),
    create: (...call) => through(() => client.create(...call)),
    update: (...call) => through(() => client.update(...call)),
  };
  return Object.assign(Object.create(client) as ObjectClient, own); // The rest is not called.
}

const lease = (): Promise<Lease> =>
  cluster.client.get(LEASES, { namespace: "kube-system", name: "test" });

describe("LeaderElector", () => {
  it("the first candidate leads, the second waits, and takes over once the first is released", async () => {
    const a = candidate("a");
    await elapse(clock, 10);
    const b = candidate("b");
    await elapse(clock, 60_000);
    expect([a.leads, b.leads]).toEqual([true, false]);
    expect((await lease()).spec).toMatchObject({ holderIdentity: "a", leaseTransitions: 0 });

    await whileElapsing(clock, a.elector.close());
    expect(a.leads).toBe(false);
    expect((await lease()).spec?.holderIdentity).toBe("");
    await elapse(clock, 2_000); // One retry: there is no need to wait for the lease's end.
    expect(b.leads).toBe(true);
    expect((await lease()).spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
    await whileElapsing(clock, b.elector.close());
  });

  it("a restart with the same identity regains the lease at once, also after a crash", async () => {
    const crashed = candidate("a");
    await elapse(clock, 5_000);
    crashed.reach = "hangs"; // It never gives the lease back.
    const again = candidate("a");
    await elapse(clock, 10);
    expect(again.leads).toBe(true);
    await whileElapsing(clock, Promise.all([crashed.elector.close(), again.elector.close()]));
  });

  it.each<Reach>(["refuses", "hangs"])(
    "a leader whose server %s stops before another begins",
    async (reach) => {
      const a = candidate("a");
      await elapse(clock, 5_000);
      const b = candidate("b");
      await elapse(clock, 5_000);
      a.reach = reach;
      const cutMs = clock.monotonicMs();
      await elapseUntil(clock, () => !a.leads);
      expect(clock.monotonicMs() - cutMs).toBeLessThanOrEqual(10_000);
      expect(b.leads).toBe(false);
      await elapseUntil(clock, () => b.leads);
      expect(clock.monotonicMs() - cutMs).toBeLessThanOrEqual(18_000);
      a.reach = "works";
      await elapse(clock, 30_000);
      expect([a.leads, b.leads]).toEqual([false, true]);
      await whileElapsing(clock, Promise.all([a.elector.close(), b.elector.close()]));
    },
  );

  it("L1: two candidates never lead at once, whatever their connections do", async () => {
    const random = seededRandom(7);
    const candidates = [candidate("a"), candidate("b"), candidate("c")];
    let changes = 0;
    for (let step = 0; step < 250; step++) {
      const one = candidates[random.nextUint32() % candidates.length];
      const reach = (["works", "works", "refuses", "hangs"] as const)[random.nextUint32() % 4];
      if (one && reach) one.reach = reach;
      const before = candidates.map(({ leads }) => leads).join();
      // Timer by timer, so that no moment is missed.
      const untilMs = clock.monotonicMs() + (random.nextUint32() % 8_000);
      while (clock.monotonicMs() < untilMs) {
        await settle();
        const nextMs = Math.min(untilMs, clock.nextAtMs() ?? untilMs);
        await elapse(clock, nextMs - clock.monotonicMs());
        expect(candidates.filter(({ leads }) => leads).length).toBeLessThanOrEqual(1);
      }
      if (before !== candidates.map(({ leads }) => leads).join()) changes++;
    }
    expect(changes).toBeGreaterThan(10); // Or nothing was tested.
    await whileElapsing(clock, Promise.all(candidates.map(({ elector }) => elector.close())));
  });

  it("renews the lease while onStart takes its time", async () => {
    const a = candidate("a", {
      onStart: () => new Promise((resolve) => void clock.schedule(60_000, resolve)),
    });
    await elapse(clock, 1_000);
    const b = candidate("b");
    await elapse(clock, 50_000);
    expect([a.leads, b.leads]).toEqual([true, false]);
    await elapse(clock, 20_000);
    await whileElapsing(clock, Promise.all([a.elector.close(), b.elector.close()]));
  });

  it("close() ends a start that is under way, and then stops it", async () => {
    let aborted = false;
    const a = candidate("a", {
      onStart: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("aborted"));
          });
        }),
    });
    await elapse(clock, 1_000);
    await whileElapsing(clock, a.elector.close());
    expect([aborted, a.leads]).toEqual([true, false]);
  });

  it("tries again when onStart fails", async () => {
    let failing = true;
    const a = candidate("a", {
      onStart: async () => {
        if (failing) throw new Error("no");
      },
    });
    await elapse(clock, 1_000);
    expect([a.leads, a.starts]).toEqual([false, 1]);
    failing = false;
    await elapse(clock, 3_000);
    expect([a.leads, a.starts]).toEqual([true, 2]);
    await whileElapsing(clock, a.elector.close());
  });

  it("close() does not wait for a server that is gone", async () => {
    const a = candidate("a");
    await elapse(clock, 1_000);
    a.reach = "hangs";
    const beganMs = clock.monotonicMs();
    await whileElapsing(clock, a.elector.close());
    expect(clock.monotonicMs() - beganMs).toBeLessThanOrEqual(1_000);
    await settle();
    expect(a.leads).toBe(false);
  });
});
