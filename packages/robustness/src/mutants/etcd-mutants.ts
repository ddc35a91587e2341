/**
 * The classes of the 17 bugs that etcd's robustness suite tracks (etcd-io/etcd, tests/robustness,
 * README), re-created in our code: the same promise is broken in the same circumstances, by a mistake
 * that our code could have. Not by the same lines: the designs differ.
 */
import type { Mutant } from "./mutant.js";
import { COMPACTED, CONTENDED, rounds, SHORT_LOG, throughout, WATCHED } from "./targeted.js";

const ROUNDS = { count: 6, everyMs: 3_500 };
const IMAGES = rounds({ count: 4, everyMs: 5_000 }, [
  { fault: "blackhole-until-snapshot", atMs: 0, durationMs: 4_500, parameters: { afterMs: 1 } },
]);
/** LevelDB has left its log for the next, and takes its time to make a table of it. */
const POWER_LOSS_BEFORE_TABLES = [
  throughout(ROUNDS, "slow-disk", { member: 0, times: 30 }),
  ...rounds(ROUNDS, [
    {
      fault: "crash-in-compaction",
      atMs: 1_000,
      durationMs: 1_600,
      parameters: { afterMs: 1_200, loss: "power", members: "all" },
    },
  ]),
];

/** More than a stream keeps for a reader that is late. */
const STREAMS_FULL = rounds({ count: 1, everyMs: 0 }, [
  { fault: "slow-watchers", atMs: 0, durationMs: 9_000 },
  ...[1_000, 1_100, 1_200, 1_300].map((atMs) => ({
    fault: "large-requests",
    atMs,
    durationMs: 5_000,
  })),
]);

/**
 * An image of large values takes seconds on its way. Who sends it stops meanwhile, as far as the others
 * can tell: a member that goes on votes for another, which sends it an image, too.
 */
const TWO_LEADERS_SEND_IMAGES = rounds({ count: 1, everyMs: 0 }, [
  { fault: "large-requests", atMs: 0, durationMs: 4_000 },
  { fault: "kill-follower", atMs: 4_500, durationMs: 1_000 },
  {
    fault: "slow-link",
    atMs: 5_400,
    durationMs: 5_000,
    parameters: { link: { bytesPerSecond: 200 * 1_024 } },
  },
  {
    fault: "pause-long",
    atMs: 6_500,
    durationMs: 3_000,
    parameters: { member: 0, leader: true },
  },
]);

/**
 * What a leader was answered before a pause reaches it behind the pause, bit by bit, while another leads
 * and before it hears of that.
 */
const ANSWERS_HELD_BACK = [
  throughout({ count: 3, everyMs: 7_000 }, "delay", { link: { delayMs: [5, 150] } }),
  ...rounds({ count: 3, everyMs: 7_000 }, [
    {
      fault: "one-way-cut",
      atMs: 1_000,
      durationMs: 3_000,
      parameters: { member: 0, leader: true, direction: "to" },
    },
    {
      fault: "pause-long",
      atMs: 1_300,
      durationMs: 2_650,
      parameters: { member: 0, leader: true },
    },
  ]),
];

/** Classes for which there is nothing to break, and why. */
export const ETCD_NOT_COVERED: readonly { readonly class: string; readonly reason: string }[] = [
  {
    class: "etcd #14571",
    reason: "enabling auth makes members diverge: there is no auth in the store yet",
  },
];

export const ETCD_MUTANTS: readonly Mutant[] = [
  {
    name: "mark-ahead-of-its-data",
    class: "etcd #13766",
    mistake:
      "the batch with the applied mark leaves for the disk, and the versions that it stands for with the next one",
    file: "packages/kv/src/backend/level-backend.ts",
    edits: [
      {
        find: "this.#late?.onWrite((key, value) => this.#waiting.add(key, value));",
        replace: "this.#late?.onWrite((key, value) => this.#open.add(key, value));",
      },
    ],
    expects: ["no-crash", "members-equal", "members-equal-hash", "linearizable", "liveness"],
    hints: { faults: ["kill-all", "restart-storm", "crash-in-batch"] },
  },
  {
    name: "acknowledged-before-written",
    class: "etcd #14370",
    mistake: "what a pass hands to the disk counts as written at once, and is applied and answered",
    file: "packages/raft/src/node/start-raft-node.ts",
    edits: [
      { find: "await this.disk.write({ hardState:", replace: "void this.disk.write({ hardState:" },
    ],
    expects: ["raft-commit", "linearizable"],
    hints: { members: 1, faults: ["crash-in-batch", "kill-all", "slow-disk"] },
  },
  {
    name: "applied-index-behind-its-data",
    class: "etcd #14685",
    mistake: "a batch is stored with the applied index from before it: a restart applies it again",
    file: "packages/kv/src/member/kv-state-machine.ts",
    edits: [
      {
        find: "const mark = { index: this.#index, term",
        replace: "const mark = { index: this.#index - entries.length, term",
      },
    ],
    expects: ["members-equal", "members-equal-hash", "linearizable", "no-crash", "raft-hard-state"],
    hints: { faults: ["kill-all", "restart-storm", "crash-in-batch"] },
  },
  {
    name: "progress-answered-at-once",
    class: "etcd #15220",
    mistake: "a request for progress is answered although events of the stream are still to come",
    file: "packages/kv/src/rpc/watch-session.ts",
    edits: [
      {
        find: "if (this.#watches.size === 0 || this.#isProgressWanted)",
        replace: "if (this.#watches.size > 0) this.#send(NO_WATCH, {});\n        if (true)",
      },
    ],
    expects: ["watch-bookmarkable", "watch-start", "watch-reliable"],
    hints: {},
  },
  {
    name: "watch-begins-again-after-image",
    class: "etcd #15271",
    mistake:
      "on a member that was cut off and then took an image, watchers read on from where they once began",
    file: "packages/kv/src/watch/watchable-store.ts",
    edits: [
      {
        find: "const watchers = [...this.#head.disband(), ...this.#behind.disband()];",
        replace:
          "const watchers = [...this.#head.disband(), ...this.#behind.disband()];\n        for (const watcher of watchers) watcher.from = watcher.startRevision;",
      },
    ],
    expects: ["watch-ordered", "watch-unique"],
    hints: { members: 3, schedule: IMAGES, flags: SHORT_LOG, profile: WATCHED },
  },
  {
    name: "sent-events-stay-in-the-buffer",
    class: "etcd #17247",
    mistake: "the last response that was taken in a turn stays in the buffer when it has been sent",
    file: "packages/kv/src/rpc/watch-session.ts",
    edits: [
      {
        find: "this.#taken = [];\n        this.#takenBytes = 0;\n        this.outbox.send(taken);",
        replace:
          "this.#taken = taken.slice(0, -1).slice(-1);\n        this.#takenBytes = 0;\n        this.outbox.send(taken);",
      },
    ],
    expects: ["watch-unique", "watch-ordered"],
    hints: {},
  },
  {
    name: "refused-events-count-as-delivered",
    class: "etcd #17529",
    mistake: "a watcher whose stream is full stands behind the events that it was refused",
    file: "packages/kv/src/watch/cohort.ts",
    edits: [
      {
        find: "                watcher.from = Math.max(watcher.from, this.#position);",
        replace: "                watcher.from = to + 1;",
      },
    ],
    expects: ["watch-reliable", "watch-resumable", "no-acknowledged-write-lost"],
    hints: { members: 1, safetyMs: 15_000, schedule: STREAMS_FULL, profile: CONTENDED },
  },
  {
    name: "revision-from-the-compaction",
    class: "etcd #17780",
    mistake: "a store that is opened begins at the revision of its last compaction",
    file: "packages/kv/src/mvcc/mvcc-store.ts",
    edits: [
      {
        find: "restoreState({ revision, compactRevision }) {\n        this.#revision = revision;",
        replace:
          "restoreState({ revision, compactRevision }) {\n        this.#revision = compactRevision > 0 ? compactRevision : revision;",
      },
    ],
    expects: ["linearizable", "members-equal", "no-crash", "members-equal-hash", "liveness"],
    hints: { faults: ["kill-all", "crash-in-compaction"] },
  },
  {
    name: "compaction-drops-delete-before-put",
    class: "etcd #18089",
    mistake: "a compaction at a delete removes it where the key was written again later",
    file: "packages/kv/src/mvcc/key-history.ts",
    edits: [
      {
        find: "this.mainAt(at) < revision ? at + 1 : at;",
        replace: "(this.mainAt(at) < revision || at + 1 < this.count) ? at + 1 : at;",
      },
    ],
    expects: ["watch-reliable", "watch-resumable", "members-equal-hash"],
    hints: { members: 1, schedule: [], profile: COMPACTED },
  },
  {
    name: "two-images-at-once",
    class: "etcd #18055",
    mistake:
      "a member that installs an image goes on meanwhile, and installs the next one beside it",
    file: "packages/raft/src/node/image-traffic.ts",
    edits: [
      {
        find: "if (this.#isInstalling || host.isStopped)",
        replace: "if (host.isStopped)",
      },
      // Alone it would change nothing: who installs an image answers nobody, so that nobody sends another.
      {
        find: "get isInstalling() {\n        return this.#isInstalling;",
        replace: "get isInstalling() {\n        return false;",
      },
    ],
    expects: ["no-crash", "liveness", "members-equal"],
    hints: {
      members: 3,
      safetyMs: 14_000,
      schedule: TWO_LEADERS_SEND_IMAGES,
      flags: SHORT_LOG,
      profile: CONTENDED,
    },
  },
  {
    name: "txn-reads-unchecked-revision",
    class: "etcd #18667",
    mistake:
      "the revisions that a transaction reads at are found compacted when its writes have been made",
    file: "packages/kv/src/apply/applier.ts",
    edits: [{ find: "this.#store.readRevision(op.value.revision);", replace: "continue;" }],
    expects: ["no-crash", "liveness", "linearizable"],
    hints: {},
  },
  {
    name: "compaction-drops-its-own-delete",
    class: "etcd #19179",
    mistake: "a compaction at a delete removes it where the key stays deleted",
    file: "packages/kv/src/mvcc/key-history.ts",
    edits: [
      {
        find: "this.mainAt(at) < revision ? at + 1 : at;",
        replace: "(this.mainAt(at) < revision || at + 1 === this.count) ? at + 1 : at;",
      },
    ],
    expects: ["watch-reliable", "watch-resumable", "members-equal-hash"],
    hints: { seed: 12, members: 1, schedule: [], profile: COMPACTED },
  },
  {
    name: "progress-before-future-start",
    class: "etcd #20221 (first)",
    mistake: "a watch that begins at a future revision is told of progress before it",
    file: "packages/kv/src/rpc/watch-session.ts",
    edits: [
      {
        find: "requestedStart: Math.max(0, request.startRevision),",
        replace: "requestedStart: 0,",
      },
    ],
    expects: ["watch-bookmarkable", "watch-start"],
    hints: {},
  },
  {
    name: "events-before-future-start",
    class: "etcd #20221 (second)",
    mistake:
      "what comes before a watcher's future start moves it to there: it gets all that follows",
    file: "packages/kv/src/watch/cohort.ts",
    edits: [{ find: "if (!watcher || watcher.from > to)", replace: "if (!watcher)" }],
    expects: ["watch-start", "watch-ordered", "watch-reliable"],
    hints: { seed: 2 },
  },
  {
    name: "new-log-before-the-old-is-synced",
    class: "etcd #20271",
    mistake:
      "the database begins a new log of its own while the old one is not on disk: a power loss leaves a hole",
    file: "packages/kv/src/backend/level-backend.ts",
    edits: [
      {
        find: "const sync = flush || isFull || this.#compaction !== undefined || folder.wantsSync;",
        replace: "const sync = flush || folder.wantsSync;",
      },
    ],
    expects: ["no-crash", "members-equal", "liveness"],
    hints: { members: 1, schedule: POWER_LOSS_BEFORE_TABLES, profile: CONTENDED },
  },
  {
    name: "read-rounds-numbered-anew",
    class: "etcd #20418",
    mistake:
      "a round of reads has the number of an earlier one: an answer from before a pause confirms it",
    file: "packages/raft/src/core/read-index.ts",
    edits: [
      {
        find: "const number = ++this.#lastRound;",
        replace: "const number = this.#rounds.length + 1;",
      },
    ],
    expects: ["linearizable"],
    hints: { members: 3, schedule: ANSWERS_HELD_BACK, profile: CONTENDED },
  },
];
