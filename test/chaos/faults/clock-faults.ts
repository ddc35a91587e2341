/**
 * Wall clocks that jump, differ, tick back and forth, or run too fast or slow. What the store decides
 * by time (elections, leases) it must decide by the monotonic clock, which nobody touches: nothing
 * may be seen of these at all.
 */
import { randomBelow } from "@sagong/base";
import type { ChaosMember } from "../member.js";
import { anyMember } from "./choices.js";
import type { ChaosFault, Scene } from "./fault.js";

const NS_PER_MS = 1_000_000;
const SECOND_MS = 1000;
const DAY_MS = 24 * 3600 * SECOND_MS;
const WRONG_MS = [1_500, 4_000] as const;
const STROBES = 60;

export const CLOCK_FAULTS: readonly ChaosFault[] = [
  {
    group: "clock",
    name: "jump-forward",
    strike: async (scene) => await jump(scene, anyMember(scene), farOff(scene)),
  },
  {
    group: "clock",
    name: "jump-back",
    strike: async (scene) => await jump(scene, anyMember(scene), -farOff(scene)),
  },
  { group: "clock", name: "skew", strike: skew },
  { group: "clock", name: "strobe", strike: strobe },
  { group: "clock", name: "drift", strike: drift },
];

/** Seconds, or a year. */
function farOff({ random }: Scene): number {
  return randomBelow(random, 2) === 0 ? randomBelow(random, 30 * SECOND_MS) : 365 * DAY_MS;
}

async function jump(scene: Scene, member: ChaosMember, byMs: number): Promise<void> {
  scene.note(`its wall clock jumps by ${byMs} ms, and back`, member);
  setClock(member, byMs);
  await scene.hold(...WRONG_MS);
}

async function skew(scene: Scene): Promise<void> {
  for (const member of scene.cluster.members) {
    const byMs = randomBelow(scene.random, 120 * SECOND_MS) - 60 * SECOND_MS;
    scene.note(`its wall clock is ${byMs} ms off`, member);
    setClock(member, byMs);
  }
  await scene.hold(...WRONG_MS);
}

async function strobe(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  scene.note("its wall clock jumps back and forth by up to 100 s", member);
  for (let i = 0; i < STROBES; i++) {
    setClock(member, randomBelow(scene.random, 200 * SECOND_MS) - 100 * SECOND_MS);
    await scene.hold(10, 60);
  }
}

async function drift(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  const perStepMs = randomBelow(scene.random, 2) === 0 ? 200 : -40;
  scene.note(`its wall clock gains ${perStepMs} ms in each 50`, member);
  for (let i = 0; i < STROBES; i++) {
    setClock(member, i * perStepMs);
    await scene.hold(50, 50);
  }
}

function setClock({ surroundings }: ChaosMember, byMs: number): void {
  surroundings.set("wallOffsetNs", byMs * NS_PER_MS);
}
