/**
 * Members that are so far behind that they need an image of the state, and what may come in between.
 * Each first cuts a follower off until the leader's log no longer reaches back to it: a client writes
 * as many entries as the log keeps.
 */
import type { SimulatedMember } from "../member/simulated-member.js";
import { between } from "../traffic/dice.js";
import { type Fault, numberOf } from "./fault.js";
import type { FaultScene, Undo } from "./fault-scene.js";

/** Where a member's log keeps more entries than that, they are not written for an image's sake. */
const ENTRIES_MAX = 1_500;
/** What comes at once is one entry, however many operations it has. */
const ENTRY_EVERY_MS = 4;
/** etcd's defaults, where a member has none of its own. */
const SNAPSHOT_COUNT = 10_000;
const CATCH_UP_ENTRIES = 5_000;
/** Of the time of such a fault; in the rest the image is on its way. */
const AWAY_SHARE = 0.7;
/** An image that is complete takes the state's place within a few milliseconds. */
const LOOK_MS = 0.5;
const SWAP_SHARE = 0.01;

export const SNAPSHOT_FAULTS: readonly Fault[] = [
  interrupted("install-killed", "install interrupted by kill", (scene, member, afterMs) => {
    let up: Undo = () => {};
    const cancel = scene.after(afterMs, () => {
      up = scene.down([member], "process");
    });
    return () => {
      cancel();
      up();
    };
  }),
  interrupted(
    "install-overtaken",
    "install interrupted by second snapshot",
    (scene, member, afterMs) => {
      let back: Undo = () => {};
      const cancel = scene.after(afterMs, () => {
        back = away(scene, member);
        scene.after(2_000, () => back());
      });
      return () => {
        cancel();
        back();
      };
    },
  ),
  interrupted("install-power-loss", "install interrupted by kill", (scene, member, afterMs) => {
    let end: Undo = () => {};
    let isDone = false;
    const stop = scene.repeat(
      () => LOOK_MS,
      () => {
        if (isDone || !member.disk.isImageComplete) return;
        isDone = true;
        end = scene.after(afterMs * SWAP_SHARE, () => {
          end = scene.down([member], "power");
        });
      },
    );
    return () => {
      stop();
      end();
    };
  }),
  interrupted("install-compacted", "install interrupted by compaction", (scene, _, afterMs) =>
    scene.repeat(
      () => afterMs,
      () => scene.clients?.compactNow(),
    ),
  ),
  interrupted("blackhole-until-snapshot", "blackhole until snapshot", () => () => {}),
];

function interrupted(
  name: string,
  item: string,
  interrupt: (scene: FaultScene, member: SimulatedMember, afterMs: number) => Undo,
): Fault {
  return {
    group: "snapshot",
    name,
    items: [item],
    isCovered: true,
    membersMin: 3,
    promise: "the member has the whole state or the old one, never a part; watches see no gap",
    plan: (random) => ({
      durationMs: between(random, [4_000, 12_000]),
      parameters: { afterMs: between(random, [1, 400]) },
    }),
    apply: (scene, planned) => {
      const member = scene.follower;
      const back = away(scene, member);
      let end: Undo = () => {};
      const cancel = scene.after(planned.durationMs * AWAY_SHARE, () => {
        back();
        end = interrupt(scene, member, numberOf(planned, "afterMs"));
      });
      return () => {
        cancel();
        back();
        end();
      };
    },
  };
}

/**
 * Cut off from the other members, while these take more than their log keeps. The connections end, as
 * TCP's do in time: what they hold when the cut is over would else be the very entries that the log has
 * forgotten, and no image be needed.
 */
function away(scene: FaultScene, member: SimulatedMember): Undo {
  const { network, clients } = scene;
  const others = scene.others(member);
  for (const { name } of others) {
    network.cut(name, member.name);
    network.cut(member.name, name);
    network.breakConnections(name, member.name);
  }
  const { snapshotCount, snapshotCatchUpEntries } = member.flags;
  const kept = (snapshotCount ?? SNAPSHOT_COUNT) + (snapshotCatchUpEntries ?? CATCH_UP_ENTRIES);
  const writer = scene.leader ?? others[0];
  if (kept <= ENTRIES_MAX && writer) {
    clients?.writesAt(writer.name, { operations: kept, everyMs: ENTRY_EVERY_MS });
  }
  return () => {
    for (const { name } of others) {
      network.mend(name, member.name);
      network.mend(member.name, name);
    }
  };
}
