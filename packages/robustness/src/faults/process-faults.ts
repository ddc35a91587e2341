/** Processes that die, stop for a while, or get little of a processor. */
import { between, happens, oneOf, shuffled } from "../traffic/dice.js";
import { anyMember, type Fault, isSet, numberOf } from "./fault.js";
import type { FaultScene } from "./fault-scene.js";
import type { SimulatedMember } from "../member/simulated-member.js";

const NOTHING_LOST =
  "nothing acknowledged is lost; a majority that runs makes progress within two elections";

const DOWN_MS: readonly [number, number] = [50, 8_000];
/** etcd's defaults: an election takes 1 s to 2 s. */
const SHORT_PAUSE_MS: readonly [number, number] = [50, 900];
const LONG_PAUSE_MS: readonly [number, number] = [1_500, 9_000];

export const PROCESS_FAULTS: readonly Fault[] = [
  kill("kill-leader", ["kill -9 leader"], (scene) => [scene.leader ?? scene.member(0)]),
  kill("kill-follower", ["kill -9 follower"], (scene) => [scene.follower]),
  kill("kill-majority", ["kill -9 majority"], (scene) =>
    shuffled(scene.random, scene.members).slice(0, Math.floor(scene.members.length / 2) + 1),
  ),
  kill("kill-all", ["kill -9 all"], ({ members }) => members),
  {
    group: "process",
    name: "restart-storm",
    items: ["restart storm"],
    isCovered: true,
    promise: NOTHING_LOST,
    plan: (random) => ({
      durationMs: between(random, [2_000, 10_000]),
      parameters: { everyMs: between(random, [200, 1_500]) },
    }),
    apply: (scene, planned) =>
      scene.repeat(
        () => numberOf(planned, "everyMs"),
        () => {
          const member = oneOf(scene.random, scene.members);
          scene.kill(member, "process");
          scene.start(member);
        },
      ),
  },
  pause("pause-short", "SIGSTOP pause under election timeout", SHORT_PAUSE_MS),
  pause("pause-long", "SIGSTOP pause over election timeout", LONG_PAUSE_MS),
  {
    group: "process",
    name: "cpu-throttle",
    items: ["CPU throttle"],
    isCovered: true,
    promise: "as a slow member: progress, though perhaps after elections",
    plan: (random, setting) => ({
      durationMs: between(random, [2_000, 8_000]),
      parameters: { ...anyMember(random, setting), stoppedMs: between(random, [50, 95]) },
    }),
    // As a cgroup's quota does it: stopped for most of each period of 100 ms.
    apply: (scene, planned) =>
      scene.repeat(
        () => 100,
        () => scene.member(numberOf(planned, "member")).pause(numberOf(planned, "stoppedMs")),
      ),
  },
  {
    group: "process",
    name: "event-loop-block",
    items: ["event-loop block"],
    isCovered: true,
    promise:
      "as a pause: a leader that was away answers no read as if it had not been (etcd #20418)",
    plan: (random) => ({
      durationMs: between(random, [2_000, 8_000]),
      parameters: { everyMs: between(random, [300, 2_000]), leader: happens(random, 0.5) },
    }),
    apply: (scene, planned) =>
      scene.repeat(
        () => numberOf(planned, "everyMs"),
        () => {
          const leader = isSet(planned, "leader") ? scene.leader : undefined;
          const member = leader ?? oneOf(scene.random, scene.members);
          member.pause(between(scene.random, [100, 1_500]));
        },
      ),
  },
  {
    group: "process",
    name: "memory-pressure",
    items: ["memory pressure"],
    isCovered:
      "a simulated member has no memory of its own: npm run chaos has it; what it leads to is covered: long collections by event-loop-block, the kernel's killer by kill-*",
  },
  {
    group: "process",
    name: "blocked-log-sink",
    items: ["blocked log sink"],
    isCovered: true,
    promise: "as a pause that begins where something happened that is worth a line",
    plan: (random, setting) => ({
      durationMs: between(random, [1_000, 15_000]),
      parameters: { ...anyMember(random, setting), leader: happens(random, 0.5) },
    }),
    apply: (scene, planned) => {
      const leader = isSet(planned, "leader") ? scene.leader : undefined;
      const member = leader ?? scene.member(numberOf(planned, "member"));
      member.isLogBlocked = true;
      return () => {
        member.isLogBlocked = false;
      };
    },
  },
];

function kill(
  name: string,
  items: readonly string[],
  whom: (scene: FaultScene) => readonly SimulatedMember[],
): Fault {
  return {
    group: "process",
    name,
    items,
    isCovered: true,
    promise: NOTHING_LOST,
    plan: (random) => ({ durationMs: between(random, DOWN_MS), parameters: {} }),
    apply: (scene) => scene.down(whom(scene), "process"),
  };
}

function pause(name: string, item: string, lengths: readonly [number, number]): Fault {
  return {
    group: "process",
    name,
    items: [item],
    isCovered: true,
    promise: "a member that was away knows nothing for sure: no stale read, no lease ended early",
    plan: (random, setting) => ({
      durationMs: between(random, lengths),
      parameters: { ...anyMember(random, setting), leader: happens(random, 0.5) },
    }),
    apply: (scene, planned) => {
      const leader = isSet(planned, "leader") ? scene.leader : undefined;
      (leader ?? scene.member(numberOf(planned, "member"))).pause(planned.durationMs);
    },
  };
}
