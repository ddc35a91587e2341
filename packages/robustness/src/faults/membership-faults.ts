/** Changes of who is a member. Most of them come with the feature: the store has a static membership. */
import { between } from "../traffic/dice.js";
import { struck } from "./disk-lie-faults.js";
import type { Fault } from "./fault.js";

const STATIC = "the store's membership is static: MemberAdd and its kin are not there yet";

export const MEMBERSHIP_FAULTS: readonly Fault[] = [
  {
    group: "membership",
    name: "member-change",
    items: ["add/remove/replace during load"],
    isCovered: STATIC,
  },
  {
    group: "membership",
    name: "learner-promote",
    items: ["learner promote under cut"],
    isCovered: STATIC,
  },
  { group: "membership", name: "remove-leader", items: ["remove leader"], isCovered: STATIC },
  {
    group: "membership",
    name: "leader-transfer",
    items: ["transfer during proposal"],
    isCovered: true,
    promise: "what is proposed meanwhile is done once or not at all (thesis §3.10)",
    plan: (random) => ({ durationMs: between(random, [500, 5_000]), parameters: {} }),
    // SIGTERM: the leader hands leadership over while clients write, and ends.
    apply: (scene) => {
      const member = scene.leader ?? scene.member(0);
      const stopped = member.stop();
      // It may still be on its way out when the fault is over.
      return () => void stopped.then(() => scene.start(member));
    },
  },
  {
    group: "membership",
    name: "joint-change-crash",
    items: ["joint change with crash"],
    isCovered: STATIC,
  },
  struck("wiped-member-rejoins", "wiped member rejoining with old id", ({ disk }) => disk.wipe(), {
    group: "membership",
  }),
];
