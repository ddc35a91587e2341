/**
 * Disks that are full, fail, are slow, lose power, or lie. All below the member's data folder, by
 * surroundings.c, but for the full one: that is a real one.
 *
 * Not here: errors of reads (LevelDB reads by mmap, which no library stands before), flipped bits,
 * names of files that a loss of power undoes; the simulator's disk has them.
 */
import { errorText, randomBelow } from "@sagong/base";
import type { ChaosMember } from "../member.js";
import { EIO, type Switch } from "../surroundings/surroundings.js";
import { aMajority, anyFollower, anyMember } from "./choices.js";
import type { ChaosFault, Scene } from "./fault.js";

const BAD_MS = [1_500, 4_000] as const;
const US_PER_MS = 1000;
const LEFT_BYTES_MAX = 64 * 1024;

export const DISK_FAULTS: readonly ChaosFault[] = [
  {
    group: "disk-errors",
    name: "full-leader",
    strike: async (scene) => await fill(scene, await scene.cluster.leader()),
  },
  {
    group: "disk-errors",
    name: "full-follower",
    strike: async (scene) => await fill(scene, await anyFollower(scene)),
  },
  {
    group: "disk-errors",
    name: "write-error",
    strike: async (scene) => await fail(scene, anyMember(scene), "writeErrno"),
  },
  {
    group: "disk-errors",
    name: "sync-error-leader",
    strike: async (scene) => await failSync(scene, await scene.cluster.leader()),
  },
  {
    group: "disk-errors",
    name: "sync-error-follower",
    strike: async (scene) => await failSync(scene, await anyFollower(scene)),
  },
  { group: "disk-errors", name: "slow-disk", strike: slowDisk },
  { group: "disk-errors", name: "sync-stall", strike: syncStall },
  {
    group: "disk-lies",
    name: "power-loss-one",
    strike: async (scene) => await losePower(scene, [anyMember(scene)]),
  },
  {
    group: "disk-lies",
    name: "power-loss-majority",
    strike: async (scene) => await losePower(scene, await aMajority(scene)),
  },
  {
    group: "disk-lies",
    name: "power-loss-all",
    strike: async (scene) => await losePower(scene, scene.cluster.members),
  },
  {
    group: "disk-lies",
    name: "lying-sync",
    isAlone: true,
    // Its leader knows it to have what it has forgotten: the next image mends that, and not before.
    progressLimitMs: 120_000,
    strike: lyingSync,
  },
  {
    group: "disk-lies",
    name: "deleted-data-dir",
    isAlone: true,
    progressLimitMs: 120_000,
    strike: deletedDataDir,
  },
  { group: "disk-lies", name: "lying-sync-everywhere", isFatal: true, strike: lyingEverywhere },
];

async function fill(scene: Scene, member: ChaosMember): Promise<void> {
  const leftBytes = randomBelow(scene.random, LEFT_BYTES_MAX);
  scene.note(`its disk is full but for ${leftBytes} bytes`, member);
  member.suffer("its disk is full");
  member.fillDisk(leftBytes);
  await scene.hold(...BAD_MS);
}

async function fail(scene: Scene, member: ChaosMember, what: Switch): Promise<void> {
  const { surroundings } = member;
  const before = surroundings.count("failures");
  scene.note(`EIO: ${what}`, member);
  member.suffer("its disk fails");
  surroundings.set(what, EIO);
  await scene.hold(...BAD_MS);
  scene.note(`${surroundings.count("failures") - before} calls failed`, member);
}

/** The kernel drops what it could not write: once the member is gone, so are those bytes. */
async function failSync(scene: Scene, member: ChaosMember): Promise<void> {
  await fail(scene, member, "syncErrno");
  await losePower(scene, [member]);
}

async function slowDisk(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  const delayMs = 5 + randomBelow(scene.random, 150);
  scene.note(`each sync takes ${delayMs} ms`, member);
  member.surroundings.set("syncDelayUs", delayMs * US_PER_MS);
  await scene.hold(...BAD_MS);
}

async function syncStall(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  scene.note("syncs do not return", member);
  member.surroundings.set("syncDelayUs", 60_000 * US_PER_MS);
  await scene.hold(2_000, 6_000);
}

async function losePower(scene: Scene, members: readonly ChaosMember[]): Promise<void> {
  await Promise.all(members.map((member) => member.kill()));
  for (const member of members) {
    const { files, writes } = await member.losePower(scene.random);
    scene.note(`loses power, and ${writes} writes to ${files} files`, member);
  }
  await scene.hold(100, 1_500);
  for (const member of members) member.launch();
}

/**
 * One disk of a minority lies, and loses power while all is well with the others: they have what it
 * acknowledged. With another fault beside it the only copy might be lost, and rightly so.
 */
async function lyingSync(scene: Scene): Promise<void> {
  const member = await anyFollower(scene);
  member.surroundings.set("isLying", 1);
  scene.note("its syncs do nothing and say that they did", member);
  await scene.hold(...BAD_MS);
  member.surroundings.heal();
  member.suffer("its disk has lied");
  await losePower(scene, [member]);
  try {
    await member.ready();
  } catch (error) {
    // It has noticed that something is missing. What it says to do is done: its peers have it all.
    scene.note(
      `refuses to start, and is wiped: ${errorText(error).trimEnd().split("\n").at(-1)}`,
      member,
    );
    member.wipe();
  }
}

/** One of a minority comes back with nothing, while all is well with the others. */
async function deletedDataDir(scene: Scene): Promise<void> {
  const member = await anyFollower(scene);
  scene.note("kill -9, and its data directory is deleted", member);
  await member.kill();
  member.wipe();
  await scene.hold(100, 1_500);
}

/**
 * No store can bear it: what all acknowledged is nowhere. The disks lie from one moment on, in which
 * all members stand still, and come back as they were then: as after a kill -9 of all. So all members
 * start, and nothing is missed but by those who were told that it is there. (Disks that lose parts of
 * what was written, names not among them, are found damaged and refused by their own member, and then
 * nobody is told anything: `lying-sync` does that to one.)
 */
async function lyingEverywhere(scene: Scene): Promise<void> {
  const { members } = scene.cluster;
  await Promise.all(members.map((member) => member.pauseWhole()));
  for (const member of members) {
    member.saveDisk();
    member.surroundings.set("isLying", 1);
  }
  for (const member of members) member.resume();
  scene.note("what all members write from now on, and sync, is kept by no disk");
  await scene.everyMemberWrites();
  await Promise.all(members.map((member) => member.kill()));
  for (const member of members) {
    member.restoreDisk();
    scene.note("loses power, and all that it acknowledged since then", member);
  }
}
