/**
 * Disks that lose what they need not keep, which every disk may, and disks that lie: they lose, change
 * or exchange what they said was kept. Nothing may come of the first. The second is either noticed,
 * and the member refuses to start, or stops; or it is amnesia (a log that is cut off looks like one
 * whose last write was torn), which Raft bears from a member that the others can do without: F1 in
 * fault-scene.ts, so each of these strikes between two processes, at such a moment.
 */
import type { SimulatedMember } from "../member/simulated-member.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import { between, oneOf } from "../traffic/dice.js";
import { areaOf } from "./disk-error-faults.js";
import { anyMember, type Fault, numberOf, textOf } from "./fault.js";
import type { DamageKind, FaultScene, Undo } from "./fault-scene.js";

const NOTHING_LOST = "nothing acknowledged is lost: a majority had synced it first";
const NOTICED_OR_MENDED =
  "the member refuses to start, or stops, or is brought up to date by the others; never a wrong answer";
const DOWN_MS: readonly [number, number] = [50, 6_000];
const LYING_MS: readonly [number, number] = [4_000, 15_000];
/** The share of its time in which a disk lies before the power goes. */
const BEFORE_LOSS = 0.5;
const IMAGE_LOOK_MS = 5;

export const DISK_LIE_FAULTS: readonly Fault[] = [
  powerLoss("power-loss", (scene, planned) => [scene.member(numberOf(planned, "member"))]),
  powerLoss("power-loss-all", ({ members }) => members),
  {
    group: "disk-lies",
    name: "torn-write",
    items: ["torn write at each byte boundary"],
    isCovered: true,
    promise: `a torn record at the log's very end is cut; ${NOTHING_LOST}`,
    plan: (random, setting) => ({
      durationMs: between(random, DOWN_MS),
      parameters: anyMember(random, setting),
    }),
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      member.disk.faults.tearing = "bytes";
      const up = scene.down([member], "power");
      member.disk.faults.tearing = "sectors";
      return up;
    },
  },
  lying("lying-sync", "lost synced writes (a sync that lies)", ({ disk }, planned) => {
    const area = areaOf(textOf(planned, "area"));
    disk.faults.lyingSyncs.add(area);
    return () => void disk.faults.lyingSyncs.delete(area);
  }),
  lying("lost-names", "rename without dir fsync", ({ disk }) => {
    disk.faults.ignoresFolderSyncs = true;
    return () => {
      disk.faults.ignoresFolderSyncs = false;
    };
  }),
  lying("misdirected-write", "misdirected write", ({ disk }) => {
    disk.misdirectNextWrite();
    return () => {};
  }),
  struck("bit-flip-log", "bit-flip in log", ({ disk }) => void disk.flipBit("log"), {
    promise: "the member refuses to start: what was acknowledged is not cut off like a torn write",
    // Each record has a checksum, and no crash leaves one bit that is wrong.
    isNoticed: true,
  }),
  {
    group: "disk-lies",
    name: "bit-flip-image",
    items: ["bit-flip in snapshot", "corrupted chunk"],
    isCovered: true,
    promise: "the image is refused when it is complete, and asked for again",
    damages: true,
    plan: (random, { damageable }) => ({
      durationMs: between(random, [5_000, 20_000]),
      parameters: { member: oneOf(random, damageable) },
    }),
    // The first image that comes.
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      let isDone = false;
      return scene.repeat(
        () => IMAGE_LOOK_MS,
        () => {
          if (isDone || member.disk.flipBit("image") === undefined) return;
          isDone = true;
          scene.damage(member);
        },
      );
    },
  },
  struck("bit-flip-database", "bit-flip in LevelDB", ({ disk }) => void disk.flipBit("database")),
  struck("truncated-log", "truncated file", ({ disk }) => void disk.truncateFile("log")),
  struck("truncated-database", "truncated file", ({ disk }) => void disk.truncateFile("database")),
  struck("wiped-data-dir", "deleted data dir", ({ disk }) => disk.wipe()),
  {
    group: "disk-lies",
    name: "old-data-dir",
    items: ["old copy of data dir restored"],
    isCovered: true,
    promise: NOTICED_OR_MENDED,
    damages: true,
    plan: (random, { damageable }) => ({
      durationMs: between(random, LYING_MS),
      parameters: { member: oneOf(random, damageable) },
    }),
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      const up = scene.down([member], "process");
      const copy = member.disk.copy();
      up();
      return later(scene, planned, () => scene.forgetting(member, () => member.disk.restore(copy)));
    },
  },
];

function powerLoss(
  name: string,
  whom: (scene: FaultScene, planned: ScheduledFault) => readonly SimulatedMember[],
): Fault {
  return {
    group: "disk-lies",
    name,
    items: ["lost unsynced writes (power loss)"],
    isCovered: true,
    promise: NOTHING_LOST,
    plan: (random, setting) => ({
      durationMs: between(random, DOWN_MS),
      parameters: anyMember(random, setting),
    }),
    apply: (scene, planned) => scene.down(whom(scene, planned), "power"),
  };
}

/** The disk lies for a while, and then the power goes. */
function lying(
  name: string,
  item: string,
  begin: (member: SimulatedMember, planned: ScheduledFault) => Undo,
): Fault {
  return {
    group: "disk-lies",
    name,
    items: [item],
    isCovered: true,
    promise: NOTICED_OR_MENDED,
    damages: true,
    plan: (random, { damageable }) => ({
      durationMs: between(random, LYING_MS),
      parameters: { member: oneOf(random, damageable), area: oneOf(random, ["log", "database"]) },
    }),
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      scene.distrust(member);
      const end = begin(member, planned);
      const stop = later(scene, planned, () =>
        scene.forgetting(member, () => member.kill("power")),
      );
      return () => {
        stop();
        end();
      };
    },
  };
}

/** Something is done to the disk while the member is down. */
export function struck(
  name: string,
  item: string,
  strike: (member: SimulatedMember) => void,
  options: DamageKind & { readonly group?: Fault["group"]; readonly promise?: string } = {},
): Fault {
  const { group = "disk-lies", promise = NOTICED_OR_MENDED } = options;
  return {
    group,
    name,
    items: [item],
    isCovered: true,
    promise,
    damages: true,
    plan: (random, { damageable }) => ({
      durationMs: between(random, LYING_MS),
      parameters: { member: oneOf(random, damageable) },
    }),
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      return scene.forgetting(member, () => strike(member), options);
    },
  };
}

function later(scene: FaultScene, { durationMs }: ScheduledFault, begin: () => Undo): Undo {
  let undo: Undo = () => {};
  const cancel = scene.after(durationMs * BEFORE_LOSS, () => {
    undo = begin();
  });
  return () => {
    cancel();
    undo();
  };
}
