/** The catalogue covers the fault matrix, thing by thing, and says what it does not cover. */
import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { chooseFaults, coveredFault, FAULTS } from "./catalogue.js";
import { FAULT_GROUPS, type FaultGroup } from "./fault.js";
import { renderCatalogue } from "./render-catalogue.js";

/** The matrix as it was put together from etcd's failures: each group's things, in its words. */
const MATRIX: Readonly<Record<FaultGroup, readonly string[]>> = {
  process: [
    "kill -9 leader",
    "kill -9 follower",
    "kill -9 majority",
    "kill -9 all",
    "restart storm",
    "SIGSTOP pause under election timeout",
    "SIGSTOP pause over election timeout",
    "CPU throttle",
    "event-loop block",
    "memory pressure",
    "blocked log sink",
  ],
  network: [
    "symmetric cut",
    "asymmetric (one-way)",
    "partial/bridge",
    "majorities ring",
    "flapping",
    "isolate leader",
    "drop",
    "duplicate",
    "reorder",
    "delay",
    "slow link",
    "client-side cut",
    "half-open TCP",
  ],
  clock: [
    "jump forward",
    "jump back",
    "skew",
    "strobe",
    "drift (monotonic must rule leases and elections)",
  ],
  "disk-errors": [
    "ENOSPC in log",
    "ENOSPC in snapshot",
    "ENOSPC in LevelDB",
    "EIO on write",
    "EIO on fsync (must not retry and continue)",
    "EIO on read",
    "slow disk",
    "fsync stall of seconds",
  ],
  "disk-lies": [
    "torn write at each byte boundary",
    "lost unsynced writes (power loss)",
    "rename without dir fsync",
    "bit-flip in log",
    "bit-flip in snapshot",
    "bit-flip in LevelDB",
    "truncated file",
    "misdirected write",
    "deleted data dir",
    "old copy of data dir restored",
  ],
  membership: [
    "add/remove/replace during load",
    "learner promote under cut",
    "remove leader",
    "transfer during proposal",
    "joint change with crash",
    "wiped member rejoining with old id",
  ],
  snapshot: [
    "install interrupted by kill",
    "install interrupted by second snapshot",
    "install interrupted by compaction",
    "corrupted chunk",
    "blackhole until snapshot",
  ],
  "storage-work": ["crash at each compaction/defrag/batch point", "quota hit", "large requests"],
  service: [
    "slow watcher",
    "10k watchers",
    "lease expiry under pause",
    "old leader revoke",
    "auth change racing requests",
    "token expiry mid-stream",
    "overload beyond capacity",
  ],
  versions: ["mixed versions", "rolling upgrade", "downgrade", "restart with changed flags"],
};

/** With the reason in the catalogue. Whoever covers one takes it out here. */
const NOT_COVERED = [
  "memory-pressure",
  "member-change",
  "learner-promote",
  "remove-leader",
  "joint-change-crash",
  "auth-change",
  "token-expiry",
  "mixed-versions",
  "rolling-upgrade",
  "downgrade",
];

describe("FAULTS", () => {
  it.each(FAULT_GROUPS)("has everything of the matrix (%s)", (group) => {
    const ofGroup = FAULTS.filter((fault) => fault.group === group);
    const items = new Set(FAULTS.flatMap((fault) => fault.items));
    expect(MATRIX[group].filter((item) => !items.has(item))).toEqual([]);
    const known = new Set(Object.values(MATRIX).flat());
    known.add("lost synced writes (a sync that lies)"); // Beyond the matrix.
    expect(ofGroup.flatMap((fault) => fault.items).filter((item) => !known.has(item))).toEqual([]);
  });

  it("says of those that are not covered why", () => {
    const open = FAULTS.filter(({ isCovered }) => isCovered !== true);
    expect(open.map(({ name }) => name).toSorted()).toEqual(NOT_COVERED.toSorted());
    for (const { isCovered } of open) expect(String(isCovered).length).toBeGreaterThan(20);
  });

  it("names each fault once, and none like a group", () => {
    const names = FAULTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => (FAULT_GROUPS as readonly string[]).includes(name))).toEqual([]);
  });

  it("plans plain data: what JSON brings back is the same", () => {
    for (const fault of chooseFaults()) {
      for (const members of [1, 3, 5]) {
        if (members < (fault.membersMin ?? 1) || (fault.damages && members === 1)) continue;
        const plan = fault.plan(seededRandom(members), { members, damageable: [0] });
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
        expect(fault.damages ? plan.parameters["member"] : 0).toBe(0);
      }
    }
  });
});

describe("chooseFaults()", () => {
  it("takes names of faults and of groups", () => {
    expect(chooseFaults(["kill-all", "clock"]).map(({ name }) => name)).toEqual([
      "kill-all",
      "clock-jump-forward",
      "clock-jump-back",
      "clock-skew",
      "clock-strobe",
      "clock-drift",
    ]);
  });

  it("refuses what there is not, and what is not covered", () => {
    expect(() => chooseFaults(["earthquake"])).toThrow('the fault "earthquake": no fault or group');
    expect(() => chooseFaults(["auth-change"])).toThrow("not covered: authentication");
    expect(() => coveredFault("auth-change")).toThrow("has none of this name");
  });
});

describe("renderCatalogue()", () => {
  it("has a row for each thing, with the fault or the reason", () => {
    const table = renderCatalogue();
    expect(table).toContain("| process | kill -9 leader | `kill-leader` | nothing acknowledged");
    expect(table).toContain("| service | auth change racing requests | not covered | authentic");
    expect(table.trim().split("\n")).toHaveLength(2 + FAULTS.flatMap(({ items }) => items).length);
  });
});
