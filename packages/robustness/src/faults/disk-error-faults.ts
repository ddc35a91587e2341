/** Disks that say that they cannot: no room, errors, long waits. They say so, so nothing is lost by it. */
import type { DiskArea, DiskFaults } from "../disk/disk-faults.js";
import { between, happens, oneOf } from "../traffic/dice.js";
import { anyMember, type Fault, isSet, numberOf, textOf } from "./fault.js";

/** A write or sync of the log that failed is a member's last (ARCHITECTURE.md). */
const STOPS =
  "the member stops itself rather than go on; it starts again when the disk is in order";
const ERROR_MS: readonly [number, number] = [200, 8_000];

export const DISK_ERROR_FAULTS: readonly Fault[] = [
  refusing("disk-full-log", "ENOSPC in log", ["log"], (faults) => faults.full),
  refusing("disk-full-image", "ENOSPC in snapshot", ["image"], (faults) => faults.full),
  refusing("disk-full-database", "ENOSPC in LevelDB", ["database"], (faults) => faults.full),
  refusing(
    "write-error",
    "EIO on write",
    ["log", "database", "image"],
    (faults) => faults.writeErrors,
  ),
  {
    group: "disk-errors",
    name: "sync-error",
    items: ["EIO on fsync (must not retry and continue)"],
    isCovered: true,
    promise: `${STOPS}; a second sync would succeed and have lost the first one's pages (fsyncgate)`,
    // What was not synced stays in the cache and never reaches the disk: from then on it is a liar.
    damages: true,
    plan: (random, { damageable }) => ({
      durationMs: between(random, ERROR_MS),
      parameters: {
        member: oneOf(random, damageable),
        area: oneOf(random, ["log", "database", "image"]),
        isOnce: happens(random, 0.5),
      },
    }),
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      const area = areaOf(textOf(planned, "area"));
      scene.distrust(member);
      member.disk.faults.syncErrors.add(area);
      member.disk.faults.failsSyncsOnce = isSet(planned, "isOnce");
      return () => {
        member.disk.faults.syncErrors.delete(area);
        member.disk.faults.failsSyncsOnce = false;
        if (!member.isRunning) scene.start(member);
      };
    },
  },
  refusing(
    "read-error",
    "EIO on read",
    ["log", "database", "image"],
    (faults) => faults.readErrors,
  ),
  {
    group: "disk-errors",
    name: "slow-disk",
    items: ["slow disk"],
    isCovered: true,
    promise: "slower; where it is the leader's, perhaps an election",
    plan: (random, setting) => ({
      durationMs: between(random, [2_000, 15_000]),
      parameters: { ...anyMember(random, setting), times: between(random, [3, 100]) },
    }),
    apply: (scene, planned) => {
      const { faults } = scene.member(numberOf(planned, "member")).disk;
      faults.slowdown = numberOf(planned, "times");
      return () => {
        faults.slowdown = 1;
      };
    },
  },
  {
    group: "disk-errors",
    name: "sync-stall",
    items: ["fsync stall of seconds"],
    isCovered: true,
    promise:
      "nothing is acknowledged meanwhile that needs this disk; a majority without it goes on",
    plan: (random, setting) => ({
      durationMs: between(random, [1_000, 9_000]),
      parameters: anyMember(random, setting),
    }),
    apply: (scene, planned) => {
      const { faults } = scene.member(numberOf(planned, "member")).disk;
      faults.stalledUntilMs = scene.world.nowMs + planned.durationMs;
      return () => {
        faults.stalledUntilMs = 0;
      };
    },
  },
];

function refusing(
  name: string,
  item: string,
  areas: readonly DiskArea[],
  switchOf: (faults: DiskFaults) => Set<DiskArea>,
): Fault {
  return {
    group: "disk-errors",
    name,
    items: [item],
    isCovered: true,
    promise: STOPS,
    plan: (random, setting) => ({
      durationMs: between(random, ERROR_MS),
      parameters: { ...anyMember(random, setting), area: oneOf(random, areas) },
    }),
    apply: (scene, planned) => {
      const member = scene.member(numberOf(planned, "member"));
      const area = areaOf(textOf(planned, "area"));
      const switched = switchOf(member.disk.faults);
      scene.disturb(member);
      switched.add(area);
      return () => {
        switched.delete(area);
        if (!member.isRunning) scene.start(member);
      };
    },
  };
}

export function areaOf(text: string): DiskArea {
  if (text === "log" || text === "database" || text === "image") return text;
  throw new Error(`Cannot apply a fault to the area "${text}", expected log, database or image`);
}
