/** One member after the other is ended and started again: with other flags, or the same. */
import type { MemberFlags, SimulatedMember } from "../member/simulated-member.js";
import { between, oneOf } from "../traffic/dice.js";
import type { Fault } from "./fault.js";
import type { FaultScene, Undo } from "./fault-scene.js";

const ONE_VERSION =
  "there is one version of the store; what of it is the same in one version, a restart of one member after the other, is rolling-restart";
/** Long enough for a member to be back and have caught up, usually. */
const STEP_MS = 3_000;

export const VERSION_FAULTS: readonly Fault[] = [
  {
    group: "versions",
    name: "mixed-versions",
    items: ["mixed versions"],
    isCovered: ONE_VERSION,
  },
  {
    group: "versions",
    name: "rolling-upgrade",
    items: ["rolling upgrade"],
    isCovered: ONE_VERSION,
  },
  { group: "versions", name: "downgrade", items: ["downgrade"], isCovered: ONE_VERSION },
  {
    group: "versions",
    name: "rolling-restart",
    items: ["restart with changed flags"],
    isCovered: true,
    promise: "in order: leadership is handed over, no request is done twice, watches resume",
    plan: () => ({ durationMs: 0, parameters: {} }),
    apply: (scene) => void restartedWith(scene, scene.members, ({ flags }) => flags),
  },
  {
    group: "versions",
    name: "changed-flags",
    items: ["restart with changed flags"],
    isCovered: true,
    promise: "members whose flags differ apply the same; only their pace is another",
    plan: (random, { members }) => ({
      durationMs: between(random, [5_000, 30_000]),
      parameters: {
        flags: Array.from({ length: members }, (): MemberFlags => {
          const heartbeatIntervalMs = oneOf(random, [50, 100, 200]);
          return {
            heartbeatIntervalMs,
            electionTimeoutMs: heartbeatIntervalMs * oneOf(random, [8, 10, 15]),
            snapshotCount: oneOf(random, [20, 100, 1_000]),
            snapshotCatchUpEntries: oneOf(random, [5, 50, 500]),
            maxTxnOps: oneOf(random, [32, 128]),
            watchProgressNotifyIntervalMs: oneOf(random, [200, 5_000]),
          };
        }),
      },
    }),
    apply: (scene, { parameters }) => {
      const flags = Array.isArray(parameters["flags"]) ? parameters["flags"] : [];
      return restartedWith(
        scene,
        scene.members,
        // Made above, or by a person who edits a schedule; the member checks what it is started with.
        (_, i) => (flags[i] ?? {}) as MemberFlags,
      );
    },
  },
];

/** One after the other, in order; undone the same way, with the flags of before. */
export function restartedWith(
  scene: FaultScene,
  members: readonly SimulatedMember[],
  flagsOf: (member: SimulatedMember, number: number) => MemberFlags,
): Undo {
  const cancel = rollOut(scene, members, (member, i) => ({
    ...member.flags,
    ...flagsOf(member, i),
  }));
  return () => {
    cancel();
    // Not those of the moment before: they may be another fault's, which has ended meanwhile.
    rollOut(scene, members, ({ ownFlags }) => ownFlags);
  };
}

function rollOut(
  scene: FaultScene,
  members: readonly SimulatedMember[],
  flagsOf: (member: SimulatedMember, number: number) => MemberFlags,
): Undo {
  const restarts = members.map((member, i) =>
    scene.restartAfter(i * STEP_MS, member, () => flagsOf(member, i)),
  );
  return () => {
    for (const cancel of restarts) cancel();
  };
}
