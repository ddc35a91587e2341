import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import { DESIRED_ANNOTATION, MAX_ANNOTATION, newReplicaSet } from "./revision.js";
import { bounds, recreate, roll, scale, type Scaling, sizeOf, wasScaled } from "./scaling.js";

type Bound = number | string;

interface Shape {
  readonly replicas: number;
  readonly maxSurge?: Bound;
  readonly maxUnavailable?: Bound;
  readonly type?: string;
}

function deployment({ type = "RollingUpdate", ...shape }: Shape, version = 1): Deployment {
  const { replicas, maxSurge, maxUnavailable } = shape;
  return {
    metadata: { name: "d", uid: "d" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "d" } },
      strategy:
        type === "Recreate" ? { type } : { type, rollingUpdate: { maxSurge, maxUnavailable } },
      template: { metadata: { annotations: { version: `${version}` } } },
    },
  };
}

interface Counts {
  readonly size: number;
  readonly pods?: number;
  readonly available?: number;
  /** The max-replicas that it is noted to have been sized for. */
  readonly max?: number;
}

function replicaSet(
  version: number,
  { size, pods = size, available = pods, max }: Counts,
): ReplicaSet {
  return {
    metadata: {
      name: `rs-${version}`,
      creationTimestamp: new Date(version * 1000).toISOString(),
      ...(max === undefined ? {} : { annotations: { [MAX_ANNOTATION]: `${max}` } }),
    },
    spec: {
      replicas: size,
      selector: {},
      template: { metadata: { annotations: { version: `${version}` } } },
    },
    status: { replicas: pods, availableReplicas: available },
  };
}

function sizes({ create, sizes: changed }: Scaling): Record<string, number> {
  const named = [...changed].map(([one, size]) => [one.metadata.name ?? "", size] as const);
  return Object.fromEntries(create === undefined ? named : [...named, ["new", create]]);
}

describe("bounds()", () => {
  it.each<[Bound, Bound, number, [number, number]]>([
    ["25%", "25%", 10, [3, 2]],
    ["25%", "25%", 1, [1, 0]],
    [0, "10%", 5, [0, 1]], // Both 0: nothing could ever move.
    [0, 0, 3, [0, 1]],
    [2, 9, 3, [2, 3]],
    ["25%", "25%", 0, [0, 0]],
  ])("resolves surge %s and unavailable %s of %i", (maxSurge, maxUnavailable, replicas, wanted) => {
    const resolved = bounds(deployment({ replicas, maxSurge, maxUnavailable }));
    expect([resolved.maxSurge, resolved.maxUnavailable]).toEqual(wanted);
  });
});

describe("recreate()", () => {
  const wanted = deployment({ replicas: 2, type: "Recreate" }, 2);

  it("stops all old pods, waits until the last has ended, then makes all new ones", () => {
    const running = replicaSet(1, { size: 2 });
    const old = (one: ReplicaSet) => ({ fresh: undefined, old: [one] });
    expect(sizes(recreate(wanted, old(running), true))).toEqual({ "rs-1": 0 });
    const stopping = replicaSet(1, { size: 0, pods: 1 });
    expect(sizes(recreate(wanted, old(stopping), true))).toEqual({});
    const ending = replicaSet(1, { size: 0 });
    expect(sizes(recreate(wanted, old(ending), true))).toEqual({});
    expect(sizes(recreate(wanted, old(ending), false))).toEqual({ new: 2 });
  });

  it("waits for a controller that has not seen its replica set's size: its counts are of before", () => {
    const one = replicaSet(1, { size: 0 });
    const behind = { ...one, metadata: { ...one.metadata, generation: 2 } };
    expect(sizes(recreate(wanted, { fresh: undefined, old: [behind] }, false))).toEqual({});
  });
});

describe("scale()", () => {
  const at = (replicas: number): Deployment =>
    deployment({ replicas, maxSurge: 3, maxUnavailable: 2 }, 2);

  it("gives the only active replica set the whole size", () => {
    const old = [replicaSet(1, { size: 4 })];
    expect(sizes(scale(at(7), { fresh: replicaSet(2, { size: 0 }), old }))).toEqual({ "rs-1": 7 });
  });

  it("scales in proportion in the middle of a rollout, as the documentation's example", () => {
    // 10 replicas, maxSurge 3: 8 old and 5 new; scaled to 15 of 5 more the larger gets 3.
    const fresh = replicaSet(2, { size: 5, max: 13 });
    const old = [replicaSet(1, { size: 8, max: 13 })];
    expect(sizes(scale(at(15), { fresh, old }))).toEqual({ "rs-1": 11, "rs-2": 7 });
  });

  it("takes all from all when there shall be none", () => {
    const fresh = replicaSet(2, { size: 5, max: 13 });
    const old = [replicaSet(1, { size: 8, max: 13 })];
    expect(sizes(scale(at(0), { fresh, old }))).toEqual({ "rs-1": 0, "rs-2": 0 });
  });

  it("empties old replica sets beside a saturated new one", () => {
    const full = replicaSet(2, { size: 3 });
    const annotations = { [DESIRED_ANNOTATION]: "3" };
    const fresh = { ...full, metadata: { ...full.metadata, annotations } };
    const old = [replicaSet(1, { size: 1 })];
    expect(sizes(scale(at(3), { fresh, old }))).toEqual({ "rs-1": 0 });
  });

  it("comes to replicas + maxSurge in all, moves all in one direction, and none below 0", () => {
    const counts = fc.record({ size: fc.integer({ min: 1, max: 40 }), max: fc.option(fc.nat(60)) });
    const property = fc.property(
      fc.array(counts, { minLength: 2, maxLength: 5 }),
      fc.integer({ min: 0, max: 100 }),
      (all, replicas) => {
        const sets = all.map(({ size, max }, i) =>
          replicaSet(i + 1, max === null ? { size } : { size, max }),
        );
        const wanted = deployment({ replicas, maxSurge: 3, maxUnavailable: 2 }, sets.length);
        const fresh = newReplicaSet(wanted, sets);
        const { sizes: scaled } = scale(wanted, {
          fresh,
          old: sets.filter((one) => one !== fresh),
        });
        const total = [...scaled.values()].reduce((sum, size) => sum + size, 0);
        expect(total).toBe(replicas === 0 ? 0 : replicas + 3);
        const steps = [...scaled].map(([one, size]) => Math.sign(size - sizeOf(one)));
        expect(new Set(steps.filter((step) => step !== 0)).size).toBeLessThanOrEqual(1);
        for (const size of scaled.values()) expect(size).toBeGreaterThanOrEqual(0);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});

describe("wasScaled()", () => {
  it("goes by the size noted on active replica sets", () => {
    const noted = (size: number, desired: string): ReplicaSet => {
      const one = replicaSet(1, { size });
      return {
        ...one,
        metadata: { ...one.metadata, annotations: { [DESIRED_ANNOTATION]: desired } },
      };
    };
    const wanted = deployment({ replicas: 3 }, 1);
    const scaledBy = (one: ReplicaSet): boolean => wasScaled(wanted, { fresh: one, old: [] });
    expect([noted(2, "3"), noted(2, "5"), noted(0, "5")].map(scaledBy)).toEqual([
      false,
      true,
      false,
    ]);
  });
});

/** Replica sets with pods that come, become ready and go at their own pace. */
class Rollout {
  readonly wanted: Shape;
  version = 1;
  /** By version: the object as the deployment's controller sees it, and its pods as they are. */
  readonly sets = new Map<number, { object: ReplicaSet; ready: number; unready: number }>();

  constructor(wanted: Shape) {
    this.wanted = wanted;
    const object = withGeneration(replicaSet(1, { size: wanted.replicas }), 1, 1);
    this.sets.set(1, { object, ready: wanted.replicas, unready: 0 });
  }

  get pods(): number {
    return this.#sum(({ ready, unready }) => ready + unready);
  }

  get ready(): number {
    return this.#sum(({ ready }) => ready);
  }

  get isDone(): boolean {
    const { replicas } = this.wanted;
    return [...this.sets].every(([version, { ready, unready }]) =>
      version === this.version ? ready === replicas && unready === 0 : ready + unready === 0,
    );
  }

  plan(): void {
    const wanted = deployment(this.wanted, this.version);
    const all = [...this.sets.values()].map(({ object }) => object);
    const fresh = newReplicaSet(wanted, all);
    const { create, sizes: changed } = roll(wanted, { fresh, old: all.filter((o) => o !== fresh) });
    if (create !== undefined) {
      const object = withGeneration(replicaSet(this.version, { size: create, pods: 0 }), 1, 0);
      this.sets.set(this.version, { object, ready: 0, unready: 0 });
    }
    for (const set of this.sets.values()) {
      const size = changed.get(set.object);
      if (size === undefined || size === sizeOf(set.object)) continue;
      const { metadata, spec, status } = set.object;
      const generation = (metadata.generation ?? 0) + 1;
      const resized = { ...set.object, spec: { selector: {}, ...spec, replicas: size } };
      set.object = withGeneration(resized, generation, status?.observedGeneration ?? 0);
    }
  }

  /** What a replica set's controller does in one go: tells what it sees, then makes or drops pods. */
  control(version: number): void {
    this.tell(version);
    const set = this.sets.get(version);
    if (!set) return;
    const surplus = set.ready + set.unready - sizeOf(set.object);
    if (surplus < 0) set.unready -= surplus;
    else {
      const unready = Math.min(surplus, set.unready); // Those that are not ready go first.
      set.unready -= unready;
      set.ready -= surplus - unready;
    }
  }

  /** The same, where what it asks for is refused. */
  tell(version: number): void {
    const set = this.sets.get(version);
    if (!set) return;
    const generation = set.object.metadata.generation ?? 0;
    const status = { replicas: set.ready + set.unready, availableReplicas: set.ready };
    set.object = withGeneration({ ...set.object, status }, generation, generation);
  }

  becomeReady(version: number): void {
    const set = this.sets.get(version);
    if (!set || set.unready === 0) return;
    set.unready--;
    set.ready++;
  }

  #sum(of: (set: { ready: number; unready: number }) => number): number {
    return [...this.sets.values()].reduce((sum, set) => sum + of(set), 0);
  }
}

function withGeneration(one: ReplicaSet, generation: number, observed: number): ReplicaSet {
  const { status } = one;
  return {
    ...one,
    metadata: { ...one.metadata, generation },
    status: { replicas: 0, ...status, observedGeneration: observed },
  };
}

describe("roll()", () => {
  const bound = fc.oneof(
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
  );
  const shape = fc.record({
    replicas: fc.integer({ min: 1, max: 8 }),
    maxSurge: bound,
    maxUnavailable: bound,
  });
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.constant("plan") },
    { weight: 6, arbitrary: fc.constant("control") },
    { weight: 3, arbitrary: fc.constant("tell") },
    { weight: 6, arbitrary: fc.constant("ready") },
    { weight: 2, arbitrary: fc.constant("new template") },
    { weight: 1, arbitrary: fc.constant("back") },
  );
  const steps = fc.array(fc.tuple(step, fc.nat(4)), { maxLength: 60, size: "max" });

  it("S1 S2: keeps to maxSurge and maxUnavailable at every moment, and comes to its end", () => {
    const property = fc.property(shape, steps, (wanted, chosen) => {
      const rollout = new Rollout(wanted);
      const { maxSurge, maxUnavailable } = bounds(deployment(wanted));
      const check = (): void => {
        expect(rollout.pods).toBeLessThanOrEqual(wanted.replicas + maxSurge);
        expect(rollout.ready).toBeGreaterThanOrEqual(wanted.replicas - maxUnavailable);
      };
      rollout.version = 2;
      for (const [what, which] of chosen) {
        const versions = [...rollout.sets.keys()];
        const version = versions[which % versions.length] ?? 1;
        if (what === "plan") rollout.plan();
        else if (what === "control") rollout.control(version);
        else if (what === "tell") rollout.tell(version);
        else if (what === "ready") rollout.becomeReady(version);
        else if (what === "back") rollout.version = version;
        else rollout.version = Math.max(...versions) + 1;
        check();
      }
      for (let round = 0; !rollout.isDone; round++) {
        expect(round, "rounds without an end").toBeLessThan(200);
        rollout.plan();
        for (const version of rollout.sets.keys()) {
          rollout.control(version);
          rollout.becomeReady(version);
          rollout.control(version);
          check();
        }
      }
    });
    fc.assert(property, { numRuns: 250 });
  });

  it("takes unhealthy old pods away even where none of the new is available", () => {
    const wanted = deployment({ replicas: 4, maxSurge: 1, maxUnavailable: 1 }, 2);
    const old = [replicaSet(1, { size: 4, available: 2 })];
    const fresh = replicaSet(2, { size: 1, available: 0 });
    expect(sizes(roll(wanted, { fresh, old }))).toEqual({ "rs-1": 3 });
  });

  it("shrinks a new replica set that is larger than the deployment", () => {
    const wanted = deployment({ replicas: 2, maxSurge: 1, maxUnavailable: 0 }, 1);
    expect(sizes(roll(wanted, { fresh: replicaSet(1, { size: 5 }), old: [] }))).toEqual({
      "rs-1": 2,
    });
  });
});
