/** Mistakes in what lies on disk: the log's files, the database, images, and recovery from them. */
import type { TrafficProfile } from "../traffic/profile.js";
import type { Mutant } from "./mutant.js";
import { RARELY_CHANGED, rounds, SHORT_LOG, throughout } from "./targeted.js";

const LOG = "packages/raft/src/storage";
const BACKEND = "packages/kv/src/backend";
const POWER_LOSSES_IN_SWAPS = [50, 150, 250, 350].map((afterMs, i) => ({
  fault: "install-power-loss",
  atMs: 3_000 + 5_000 * i,
  durationMs: 4_500,
  parameters: { afterMs },
}));
const ROUNDS = { count: 4, everyMs: 5_000 };
/** A long write is torn; what comes behind it is short; the next start finds what is left of the long one. */
const TORN_TWICE = [
  throughout(ROUNDS, "slow-disk", { member: 0, times: 100 }),
  ...rounds(ROUNDS, [
    { fault: "overload", atMs: 0, parameters: { operations: 800 } },
    { fault: "torn-write", atMs: 70, durationMs: 50, parameters: { member: 0 } },
    { fault: "kill-all", atMs: 2_500, durationMs: 50 },
  ]),
];

/** What waits for a sync waits long enough for a crash. */
const KILLED_ON_A_SLOW_DISK = [
  throughout(ROUNDS, "slow-disk", { member: 0, times: 10 }),
  ...rounds({ count: 12, everyMs: 1_700 }, [{ fault: "kill-all", atMs: 900, durationMs: 50 }]),
];

/** Files of blocks fill, and what lives in them is copied, several times in a run. */
const OFTEN_CHANGED: TrafficProfile = { ...RARELY_CHANGED, name: "often changed", thinkMs: 15 };

/** The second begins before the first one's power loss: each of two logs may then lose its end. */
const LIES_AFTER_LIES = [3_000, 6_500].map((atMs) => ({
  fault: "lying-sync",
  atMs,
  durationMs: 8_000,
  parameters: { member: 0, area: "database" },
}));

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    name: "log-write-not-awaited",
    class: "own: durability",
    mistake: "an append to the log is done before its write has come back from the disk",
    file: `${LOG}/segment-file.ts`,
    edits: [
      {
        find: "await this.#file.writeDurably(parts, this.#end);",
        replace: "void this.#file.writeDurably(parts, this.#end).catch(() => {});",
      },
    ],
    expects: [
      "linearizable",
      "raft-leader-completeness",
      "raft-hard-state",
      "no-crash",
      "raft-state-machine-safety",
    ],
    hints: { seed: 2, members: 1, faults: ["crash-in-batch", "kill-all", "slow-disk"] },
  },
  {
    name: "failed-sync-tried-again",
    class: "own: durability",
    mistake: "a write whose sync failed counts as done when the next sync succeeds",
    file: `${LOG}/segment-file.ts`,
    edits: [
      {
        find: "await this.#file.writeDurably(parts, this.#end);",
        replace: "await this.#file.writeDurably(parts, this.#end).catch(() => this.#file.sync());",
      },
    ],
    expects: ["failed-write-is-last"],
    hints: { members: 3, faults: ["sync-error"] },
  },
  {
    name: "folder-of-new-segment-not-synced",
    class: "own: durability",
    mistake:
      "a new segment's name is not synced: a power loss takes the segment with all that is in it",
    file: `${LOG}/file-log-storage.ts`,
    edits: [{ find: "}));\n        await files.sync();", replace: "}));" }],
    expects: ["linearizable", "raft-leader-completeness", "no-crash", "raft-log-matching"],
    hints: { seed: 5, members: 1, faults: ["power-loss-all"] },
  },
  {
    name: "last-record-ignored",
    class: "own: recovery",
    mistake: "a restart takes the last whole record of the log for a torn one",
    file: `${LOG}/file-log-storage.ts`,
    edits: [
      {
        find: "return { payloads, end };",
        replace:
          "return { payloads: isLast && payloads.length > 1 ? payloads.slice(0, -1) : payloads, end };",
      },
    ],
    expects: ["linearizable", "raft-leader-completeness", "raft-hard-state", "no-crash"],
    hints: { members: 1, faults: ["kill-all", "restart-storm"] },
  },
  {
    name: "torn-tail-not-cut",
    class: "own: recovery",
    mistake: "what a power loss has left of a record stays in the file behind the log's end",
    file: `${LOG}/file-log-storage.ts`,
    edits: [{ find: "await files.truncate(name, end);", replace: "void end;" }],
    expects: ["no-crash"],
    hints: { members: 1, schedule: TORN_TWICE },
  },
  {
    name: "record-checksum-ignored",
    class: "own: recovery",
    mistake: "a record whose checksum is wrong is taken as it lies there",
    file: `${LOG}/segment-format.ts`,
    edits: [
      {
        find: "return crc32c(payload) === uint32At(bytes, offset + 4) ? payload : undefined;",
        replace: "return payload;",
      },
    ],
    expects: ["no-crash", "linearizable", "members-equal", "raft-log-matching"],
    hints: { members: 3, faults: ["bit-flip-log", "torn-write"] },
  },
  {
    name: "damage-cut-like-a-torn-tail",
    class: "own: recovery",
    mistake: "damage before acknowledged records is cut off with all that is behind it",
    file: `${LOG}/file-log-storage.ts`,
    edits: [
      {
        find: 'if (rest === "corrupt" || (rest === "torn" && !isLast)) {',
        replace: 'if (rest === "torn" && !isLast) {',
      },
    ],
    expects: ["linearizable", "raft-leader-completeness", "raft-hard-state", "no-crash"],
    hints: { seed: 4, members: 3, faults: ["bit-flip-log"] },
  },
  {
    name: "flush-without-sync",
    class: "own: durability",
    mistake: "a flush of the database writes and does not sync, and the log forgets what it has",
    file: `${BACKEND}/database-folder.ts`,
    edits: [{ find: "await batch.write({ sync });", replace: "await batch.write();" }],
    expects: ["no-crash", "liveness"],
    hints: { faults: ["power-loss-all", "crash-in-batch"] },
  },
  {
    name: "mark-in-the-next-batch",
    class: "own: recovery",
    mistake: "the applied mark is put behind the end of the batch that it stands for",
    file: "packages/kv/src/member/kv-state-machine.ts",
    edits: [
      {
        find: "medium.put(APPLIED_MARK_KEY, sealValue(APPLIED_MARK_KEY, AppliedMark.encode(mark)));\n        medium.commit();",
        replace:
          "medium.commit();\n        medium.put(APPLIED_MARK_KEY, sealValue(APPLIED_MARK_KEY, AppliedMark.encode(mark)));",
      },
    ],
    expects: ["no-crash", "members-equal", "members-equal-hash", "liveness"],
    hints: { faults: ["kill-all", "restart-storm"] },
  },
  {
    name: "entries-applied-twice",
    class: "own: recovery",
    mistake: "a restart begins to apply one entry before the last that its state has",
    file: "packages/kv/src/member/kv-state-machine.ts",
    edits: [
      {
        find: "this.#index = mark.index;",
        replace: "this.#index = Math.max(0, mark.index - 1);",
      },
    ],
    expects: ["members-equal", "members-equal-hash", "linearizable", "no-crash"],
    hints: { faults: ["kill-all", "restart-storm", "rolling-restart"] },
  },
  {
    name: "image-loses-its-tail",
    class: "own: image",
    mistake: "the last pairs of an image, which fill no batch, are not given out",
    file: `${BACKEND}/image-format.ts`,
    edits: [
      {
        find: "if (decoder.waitingPairs > 0)",
        replace: "if (decoder.waitingPairs > DECODE_PAIRS)",
      },
    ],
    expects: ["liveness", "members-equal", "no-crash"],
    hints: { seed: 3, members: 3, faults: ["blackhole-until-snapshot", "install-killed"] },
  },
  {
    name: "image-not-synced",
    class: "own: image",
    mistake: "an image takes the database's place before it is on disk",
    file: `${BACKEND}/open-folder.ts`,
    edits: [{ find: "await place.databases.syncContents(place.dir);", replace: "" }],
    expects: ["no-crash", "members-equal", "liveness"],
    hints: { seed: 2, members: 3, schedule: POWER_LOSSES_IN_SWAPS, flags: SHORT_LOG },
  },
  {
    name: "image-without-its-mark",
    class: "own: image",
    mistake: "a member that took an image goes on from the index that it had before",
    file: "packages/kv/src/member/kv-state-machine.ts",
    edits: [{ find: "this.#index = metadata.index;", replace: "" }],
    expects: ["no-crash", "members-equal", "linearizable", "liveness"],
    hints: { members: 3, faults: ["blackhole-until-snapshot"] },
  },
  {
    name: "references-before-their-blocks",
    class: "own: durability",
    mistake: "the database refers to blocks in a file that is not on disk",
    file: `${BACKEND}/database-folder.ts`,
    edits: [{ find: "await this.#files.sync();", replace: ";" }],
    expects: ["no-crash", "liveness"],
    hints: { faults: ["power-loss-all", "crash-in-batch"] },
  },
  {
    name: "references-not-held-back",
    class: "own: durability",
    mistake: "references leave for the database while their blocks wait for the next sync",
    file: `${BACKEND}/level-backend.ts`,
    edits: [{ find: "if (folder.mustSync && !sync)", replace: "if (false)" }],
    expects: ["no-crash", "liveness"],
    hints: { faults: ["power-loss-all", "crash-in-batch"] },
  },
  {
    name: "block-file-gone-before-its-references",
    class: "own: compaction",
    mistake:
      "a file of blocks is removed while the deletion of its last reference waits to be written",
    file: `${BACKEND}/database-folder.ts`,
    edits: [
      {
        find: "this.#hasWritten = true;",
        replace:
          "this.#hasWritten = true;\n        if (this.#census) await this.#files.removeDead(this.#census.live);",
      },
    ],
    expects: ["no-crash", "liveness"],
    hints: { seed: 2, members: 1, profile: OFTEN_CHANGED, schedule: KILLED_ON_A_SLOW_DISK },
  },
  {
    name: "copies-come-over-what-took-their-place",
    class: "own: compaction",
    mistake: "a block that was given up while it was copied is there again",
    file: `${BACKEND}/database-folder.ts`,
    edits: [{ find: "if (present && isSameReference(present, from))", replace: "if (from)" }],
    expects: ["no-crash", "members-equal", "liveness"],
    hints: { seed: 10, members: 1, profile: OFTEN_CHANGED, schedule: KILLED_ON_A_SLOW_DISK },
  },
  {
    name: "missing-blocks-not-noticed",
    class: "own: disk",
    mistake: "a database that lost versions below the compacted revision is taken for whole",
    file: "packages/kv/src/mvcc/open-store.ts",
    edits: [{ find: "this.#blocksSum === undefined || this.#blocksSum === sum", replace: "true" }],
    expects: ["watch-true", "linearizable", "members-equal-hash", "no-acknowledged-write-lost"],
    hints: {
      members: 3,
      safetyMs: 20_000,
      schedule: LIES_AFTER_LIES,
      profile: RARELY_CHANGED,
      seed: 5,
    },
  },
  {
    name: "dead-versions-not-listed",
    class: "own: compaction",
    mistake: "versions that a compaction has given up come back with the next restart",
    file: "packages/kv/src/mvcc/block-cleaner.ts",
    edits: [
      {
        find: "this.#backend.put(blockKey(main, sub, KIND_DEAD), list);",
        replace: "",
      },
      { find: "this.#log.check.change(by);", replace: "" },
    ],
    expects: ["members-equal", "members-equal-hash", "linearizable", "no-crash"],
    hints: { faults: ["crash-in-compaction", "kill-all", "overload"] },
  },
];
