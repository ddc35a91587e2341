/** Links that are cut, bad or slow, between members and to clients. */
import { between, happens, oneOf, shuffled } from "../traffic/dice.js";
import type { SimulatedMember } from "../member/simulated-member.js";
import type { LinkState } from "../network/simulated-network.js";
import { anyMember, type CoveredFault, type Fault, isSet, numberOf, textOf } from "./fault.js";
import type { FaultScene, Undo } from "./fault-scene.js";

const SIDE_WITH_MAJORITY =
  "the side that has a majority makes progress; the other answers nothing stale";
const CUT_MS: readonly [number, number] = [300, 12_000];
const SHAKY_MS: readonly [number, number] = [2_000, 12_000];

export const NETWORK_FAULTS: readonly Fault[] = [
  cut("symmetric-cut", "symmetric cut", {
    promise: SIDE_WITH_MAJORITY,
    pairs: (scene) => {
      const order = shuffled(scene.random, scene.members);
      const size = between(scene.random, [1, order.length - 1]);
      return bothWays(order.slice(0, size), order.slice(size));
    },
  }),
  {
    group: "network",
    name: "one-way-cut",
    items: ["asymmetric (one-way)"],
    isCovered: true,
    promise: "a member that is only heard, or only hears, does not stop the others for good",
    membersMin: 2,
    plan: (random, setting) => ({
      durationMs: between(random, CUT_MS),
      parameters: {
        ...anyMember(random, setting),
        leader: happens(random, 0.4),
        direction: oneOf(random, ["from", "to"]),
      },
    }),
    apply: (scene, planned) => {
      const leader = isSet(planned, "leader") ? scene.leader : undefined;
      const member = leader ?? scene.member(numberOf(planned, "member"));
      const away = textOf(planned, "direction") === "from";
      return cutPairs(
        scene,
        scene.others(member).map((other) => (away ? [member, other] : [other, member])),
      );
    },
  },
  cut("bridge", "partial/bridge", {
    membersMin: 3,
    promise: "the one that hears both sides does not make them elect each other away for ever",
    pairs: (scene) => {
      const [, ...others] = shuffled(scene.random, scene.members);
      const half = Math.ceil(others.length / 2);
      return bothWays(others.slice(0, half), others.slice(half));
    },
  }),
  cut("majorities-ring", "majorities ring", {
    membersMin: 5,
    promise: "each hears a majority, no two the same one: at most one leader a term all the same",
    pairs: (scene) => {
      const ring = shuffled(scene.random, scene.members);
      const distance = (i: number, j: number): number =>
        Math.min(Math.abs(i - j), ring.length - Math.abs(i - j));
      return ring.flatMap((from, i) =>
        ring.filter((_, j) => distance(i, j) > 1).map((to): Pair => [from, to]),
      );
    },
  }),
  {
    group: "network",
    name: "flapping",
    items: ["flapping"],
    isCovered: true,
    membersMin: 2,
    promise: "nothing wrong; progress in the quiet times, and when it is over",
    plan: (random) => ({
      durationMs: between(random, SHAKY_MS),
      parameters: { everyMs: between(random, [50, 1_500]) },
    }),
    apply: (scene, planned) => {
      let mend: Undo = () => {};
      let isCut = false;
      const stop = scene.repeat(
        () => numberOf(planned, "everyMs"),
        () => {
          mend();
          isCut = !isCut;
          const member = oneOf(scene.random, scene.members);
          mend = isCut ? cutPairs(scene, bothWays([member], scene.others(member))) : () => {};
        },
      );
      return () => {
        stop();
        mend();
      };
    },
  },
  cut("isolate-leader", "isolate leader", {
    promise: `${SIDE_WITH_MAJORITY}; who led steps down, since it hears no majority (thesis §6.2)`,
    pairs: (scene) => {
      const leader = scene.leader ?? scene.member(0);
      return bothWays([leader], scene.others(leader));
    },
  }),
  {
    group: "network",
    name: "leader-returns",
    items: ["isolate leader"],
    isCovered: true,
    membersMin: 3,
    promise:
      "a log that is longer and older wins no vote (Raft §5.4.1): what was committed meanwhile stays",
    plan: (random) => ({
      durationMs: between(random, [5_000, 12_000]),
      parameters: { operations: between(random, [20, 100]) },
    }),
    apply: (scene, planned) => leaderReturns(scene, numberOf(planned, "operations")),
  },
  bad("drop", "drop", (random) => ({ dropShare: between(random, [5, 50]) / 100 })),
  bad("duplicate", "duplicate", (random) => ({ duplicateShare: between(random, [10, 80]) / 100 })),
  bad("reorder", "reorder", (random) => ({ reorderShare: between(random, [10, 80]) / 100 })),
  bad("delay", "delay", (random) => {
    const least = between(random, [10, 300]);
    return { delayMs: [least, least + between(random, [0, 400])] };
  }),
  bad("slow-link", "slow link", (random) => ({ bytesPerSecond: between(random, [5, 200]) * 1024 })),
  clientFault("client-cut", "client-side cut", { resets: true }),
  clientFault("half-open", "half-open TCP", { resets: false }),
];

/** Between two of a leader's writes that nobody else gets; and between two looks at who leads. */
const RETURN_STEP_MS = 10;

/**
 * A leader that is cut off takes many writes. When the next one has committed an entry of its own, that
 * one dies, and the old one, with the longer log, is back.
 */
function leaderReturns(scene: FaultScene, operations: number): Undo {
  const old = scene.leader ?? scene.member(0);
  const mend = cutPairs(scene, bothWays([old], scene.others(old)));
  scene.clients?.writesAt(old.name, { operations, everyMs: RETURN_STEP_MS });
  let up: Undo | undefined;
  const stop = scene.repeat(
    () => RETURN_STEP_MS,
    () => {
      const { leader } = scene;
      const status = leader?.raftStatus();
      if (up || !leader || leader === old || status?.commitIndex !== status?.lastIndex) return;
      mend();
      up = scene.down([leader], "process");
    },
  );
  return () => {
    stop();
    if (up) up();
    else mend();
  };
}

type Pair = readonly [from: SimulatedMember, to: SimulatedMember];

function bothWays(
  some: readonly SimulatedMember[],
  others: readonly SimulatedMember[],
): readonly Pair[] {
  return some.flatMap((a) =>
    others.flatMap((b): Pair[] => [
      [a, b],
      [b, a],
    ]),
  );
}

function cutPairs({ network }: FaultScene, pairs: readonly Pair[]): Undo {
  for (const [from, to] of pairs) network.cut(from.name, to.name);
  return () => {
    for (const [from, to] of pairs) network.mend(from.name, to.name);
  };
}

function cut(
  name: string,
  item: string,
  {
    promise,
    pairs,
    membersMin = 2,
  }: {
    readonly promise: string;
    readonly pairs: (scene: FaultScene) => readonly Pair[];
    readonly membersMin?: number;
  },
): Fault {
  return {
    group: "network",
    name,
    items: [item],
    isCovered: true,
    promise,
    membersMin,
    plan: (random) => ({ durationMs: between(random, CUT_MS), parameters: {} }),
    apply: (scene) => cutPairs(scene, pairs(scene)),
  };
}

/** All links between members, or those of one. */
function bad(
  name: string,
  item: string,
  state: (random: Parameters<CoveredFault["plan"]>[0]) => Partial<LinkState>,
): Fault {
  return {
    group: "network",
    name,
    items: [item],
    isCovered: true,
    promise: "Raft depends on neither order nor delivery (§5.1): nothing wrong, only slower",
    membersMin: 2,
    plan: (random, setting) => ({
      durationMs: between(random, SHAKY_MS),
      parameters: {
        ...(happens(random, 0.5) ? anyMember(random, setting) : {}),
        link: state(random),
      },
    }),
    apply: (scene, planned) => {
      const { member, link } = planned.parameters;
      const some = typeof member === "number" ? [scene.member(member)] : scene.members;
      const links = some.flatMap((from) => bothWays([from], scene.others(from)));
      for (const [from, to] of links) {
        // Made by `state` above, or by a person who edits a schedule: what it holds is a link's.
        scene.network.setLink(from.name, to.name, link as Partial<LinkState>);
      }
      return () => {
        for (const [from, to] of links) scene.network.resetLink(from.name, to.name);
      };
    },
  };
}

/**
 * Between one member and some clients. With a reset both sides know at once; without one each finds
 * out by itself that the other is gone, or only when it writes (a half-open connection).
 */
function clientFault(name: string, item: string, { resets }: { readonly resets: boolean }): Fault {
  return {
    group: "network",
    name,
    items: [item],
    isCovered: true,
    promise: "clients go on elsewhere; watches resume without a gap or a repeat",
    plan: (random, setting) => ({
      durationMs: between(random, resets ? CUT_MS : [9_000, 20_000]),
      parameters: { ...anyMember(random, setting), share: between(random, [30, 100]) / 100 },
    }),
    apply: (scene, planned) => {
      const { network, clients } = scene;
      const { name: member } = scene.member(numberOf(planned, "member"));
      const share = numberOf(planned, "share");
      const struck = (clients?.clientNames ?? []).filter(() => happens(scene.random, share));
      for (const client of struck) {
        network.cut(client, member);
        network.cut(member, client);
        if (resets) network.breakConnections(client, member);
      }
      return () => {
        for (const client of struck) {
          network.mend(client, member);
          network.mend(member, client);
        }
      };
    },
  };
}
