/** Processes that die, stand still, or hardly get on. */
import { randomBelow } from "@sagong/base";
import type { ChaosMember } from "../member.js";
import { aMajority, anyFollower, anyMember, pick, shuffled } from "./choices.js";
import type { ChaosFault, Scene } from "./fault.js";

/** Twice the usual election timeout and more: whoever stood still has been replaced. */
const LONG_PAUSE_MS = [2_500, 5_000] as const;
const SHORT_PAUSE_MS = [100, 700] as const;
const STORM_STARTS = 4;
const SQUEEZE_MS = [2_000, 5_000] as const;
const MORE_KIB_MAX = 16_384;
const BYTES_PER_KIB = 1_024;
/** Of each period the process stands still for so much. */
const THROTTLE = { periodMs: 50, stoppedMs: 40, rounds: 60 } as const;

export const PROCESS_FAULTS: readonly ChaosFault[] = [
  {
    group: "process",
    name: "kill-leader",
    strike: async (scene) => await kill(scene, [await scene.cluster.leader()]),
  },
  {
    group: "process",
    name: "kill-follower",
    strike: async (scene) => await kill(scene, [await anyFollower(scene)]),
  },
  {
    group: "process",
    name: "kill-majority",
    strike: async (scene) => await kill(scene, await aMajority(scene)),
  },
  {
    group: "process",
    name: "kill-all",
    strike: async (scene) => await kill(scene, scene.cluster.members),
  },
  { group: "process", name: "restart-storm", strike: restartStorm },
  {
    group: "process",
    name: "pause-under-election-timeout",
    strike: async (scene) => await pause(scene, await scene.cluster.leader(), SHORT_PAUSE_MS),
  },
  {
    group: "process",
    name: "pause-leader",
    strike: async (scene) => await pause(scene, await scene.cluster.leader(), LONG_PAUSE_MS),
  },
  {
    group: "process",
    name: "pause-follower",
    strike: async (scene) => await pause(scene, await anyFollower(scene), LONG_PAUSE_MS),
  },
  { group: "process", name: "cpu-throttle", strike: throttle },
  { group: "process", name: "memory-pressure", needsMemoryLimits: true, strike: squeeze },
];

async function kill(scene: Scene, members: readonly ChaosMember[]): Promise<void> {
  for (const member of members) scene.note("kill -9", member);
  await Promise.all(members.map((member) => member.kill()));
  await scene.hold(100, 2_500);
  for (const member of members) member.launch();
}

/** Killed again while it starts, at moments of chance. */
async function restartStorm(scene: Scene): Promise<void> {
  const members = shuffled(scene.random, scene.cluster.members);
  for (let i = 0; i < STORM_STARTS; i++) {
    const member = pick(scene.random, members);
    scene.note("kill -9, and again", member);
    await member.kill();
    member.launch();
    await scene.hold(50, 900);
  }
}

async function pause(
  scene: Scene,
  member: ChaosMember,
  [leastMs, mostMs]: readonly [number, number],
): Promise<void> {
  scene.note("SIGSTOP", member);
  member.pause();
  await scene.hold(leastMs, mostMs);
  scene.note("SIGCONT", member);
  member.resume();
}

async function throttle(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  scene.note(`runs ${THROTTLE.periodMs - THROTTLE.stoppedMs} of ${THROTTLE.periodMs} ms`, member);
  for (let i = 0; i < THROTTLE.rounds; i++) {
    member.pause();
    await scene.hold(THROTTLE.stoppedMs, THROTTLE.stoppedMs);
    member.resume();
    await scene.hold(
      THROTTLE.periodMs - THROTTLE.stoppedMs,
      THROTTLE.periodMs - THROTTLE.stoppedMs,
    );
  }
}

/**
 * Next to no memory beyond what it has, while it is asked for large things: the kernel takes back what
 * can be read again (its own program), and kills it where that is not enough.
 */
async function squeeze(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  const moreKib = randomBelow(scene.random, MORE_KIB_MAX);
  scene.note(`gets ${moreKib} KiB more memory, and no more`, member);
  member.suffer("its memory is short");
  member.squeezeMemory(moreKib * BYTES_PER_KIB);
  scene.clients.largeRequests(SQUEEZE_MS[0]);
  await scene.hold(...SQUEEZE_MS);
}
