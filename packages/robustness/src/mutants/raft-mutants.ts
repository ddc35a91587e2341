/** Mistakes in consensus: elections, replication, commitment, reads, images. */
import type { Mutant } from "./mutant.js";
import { CONTENDED, rounds, SHORT_LOG, throughout } from "./targeted.js";

const RAFT = "packages/raft/src";
const ROUNDS = { count: 3, everyMs: 7_000 };
const SLOW_DISKS = [0, 1, 2].map((member) =>
  throughout(ROUNDS, "slow-disk", { member, times: 60 }),
);
/** New leaders whose first entry is on another's disk before it is on their own. */
const SLOW_DISKS_OF_LEADERS = [
  ...SLOW_DISKS,
  ...rounds(ROUNDS, [{ fault: "kill-leader", atMs: 3_000, durationMs: 3_500 }]),
];
/** New leaders that do not know of all that was acknowledged to the last, and whose first entry is late. */
const LATE_FIRST_ENTRIES = [
  ...SLOW_DISKS,
  throughout(ROUNDS, "delay", { link: { delayMs: [150, 250] } }),
  ...rounds(ROUNDS, [{ fault: "isolate-leader", atMs: 3_000, durationMs: 3_500 }]),
];

const LEADERS_RETURN = rounds(ROUNDS, [
  { fault: "leader-returns", atMs: 0, durationMs: 6_000, parameters: { operations: 100 } },
]);
/** Who asks for votes is not heard before others ask for them, too. */
const CONTESTED_ELECTIONS = [
  throughout(ROUNDS, "delay", { link: { delayMs: [200, 300] } }),
  ...rounds({ count: 5, everyMs: 4_000 }, [{ fault: "kill-leader", atMs: 0, durationMs: 1_500 }]),
];

/**
 * Who led has entries on its disk that nobody else has. It takes what others have committed in their
 * place, and is then given the old disk: its leader remembers what it had acknowledged since.
 */
const OLD_DISK_OF_A_LEADER = rounds({ count: 6, everyMs: 8_000 }, [
  { fault: "isolate-leader", atMs: 0, durationMs: 3_000 },
  { fault: "old-data-dir", atMs: 800, durationMs: 5_200, parameters: { member: 0 } },
]);
/** Killed as soon as it has taken an image, before its log is compacted anew. */
const KILLED_AFTER_IMAGES = rounds({ count: 4, everyMs: 5_000 }, [
  { fault: "kill-follower", atMs: 0, durationMs: 2_000 },
  { fault: "kill-all", atMs: 2_300, durationMs: 300 },
]);

export const RAFT_MUTANTS: readonly Mutant[] = [
  {
    name: "ack-before-quorum",
    class: "own: commitment",
    mistake: "an entry counts as committed with one member less than a majority",
    file: `${RAFT}/core/quorum.ts`,
    edits: [
      {
        find: "countFrom(matches, match) >= majority)",
        replace: "countFrom(matches, match) >= majority - 1)",
      },
    ],
    expects: ["raft-commit", "raft-leader-completeness", "linearizable", "no-crash"],
    hints: { members: 3, faults: ["kill-leader", "isolate-leader", "restart-storm"] },
  },
  {
    name: "commits-old-term-by-counting",
    class: "own: commitment",
    mistake: "an entry of an earlier term is committed because a majority has it (Raft §5.4.2)",
    file: `${RAFT}/core/replication.ts`,
    edits: [
      {
        find: "index > log.committed && log.termAt(index) === term ?",
        replace: "index > log.committed ?",
      },
    ],
    expects: ["raft-commit", "raft-leader-completeness", "linearizable", "no-crash"],
    hints: { members: 3, schedule: SLOW_DISKS_OF_LEADERS, profile: CONTENDED },
  },
  {
    name: "leader-counts-what-it-has-not-written",
    class: "own: commitment",
    mistake: "the leader counts itself for entries that are on their way to its disk",
    file: `${RAFT}/core/replication.ts`,
    edits: [{ find: "const matches = [log.stable];", replace: "const matches = [log.lastIndex];" }],
    expects: ["raft-commit", "raft-leader-completeness", "linearizable", "no-crash"],
    hints: { members: 3, faults: ["crash-in-batch", "kill-leader", "slow-disk", "sync-stall"] },
  },
  {
    name: "counts-spared",
    class: "own: commitment",
    mistake: "a follower that is told late counts as if it had been told",
    file: `${RAFT}/core/replication.ts`,
    edits: [
      {
        find: "for (const { match } of this.progress.values())\n            matches.push(match);",
        replace:
          "for (const { match, isSpared } of this.progress.values())\n            matches.push(isSpared ? log.stable : match);",
      },
    ],
    expects: ["raft-commit", "raft-leader-completeness", "linearizable", "no-crash"],
    hints: { members: 3, faults: ["kill-leader", "isolate-leader"] },
  },
  {
    name: "append-answered-before-written",
    class: "own: durability",
    mistake: "a follower says that it has entries which are on their way to its disk",
    file: `${RAFT}/core/raw-node.ts`,
    edits: [{ find: 'case "append-response":', replace: "" }],
    expects: ["raft-commit", "raft-leader-completeness", "linearizable", "no-crash"],
    hints: { members: 3, faults: ["crash-in-batch", "kill-all", "slow-disk"] },
  },
  {
    name: "votes-twice-in-a-term",
    class: "own: election",
    mistake: "a member that has given its vote gives it to others as well (Raft §5.2)",
    file: `${RAFT}/core/raft.ts`,
    edits: [
      {
        find: "this.vote === message.from || (this.vote === undefined && this.leader === undefined);",
        replace: "this.leader === undefined;",
      },
    ],
    expects: ["raft-election-safety", "no-crash", "raft-hard-state"],
    hints: { members: 5, schedule: CONTESTED_ELECTIONS },
  },
  {
    name: "vote-answered-before-written",
    class: "own: election",
    mistake: "a vote is sent while it is on its way to the disk: a crash forgets it",
    file: `${RAFT}/core/raw-node.ts`,
    edits: [{ find: 'case "vote-response":', replace: "" }],
    expects: ["raft-election-safety", "no-crash", "raft-hard-state"],
    hints: { members: 3, faults: ["restart-storm", "slow-disk", "kill-leader", "flapping"] },
  },
  {
    name: "vote-not-written",
    class: "own: election",
    mistake: "a vote alone is no reason to write: it is answered, and a restart forgets it",
    file: `${RAFT}/core/raw-node.ts`,
    edits: [
      {
        find: "mustSync: voted || entries.length > 0,",
        replace: "mustSync: entries.length > 0,",
      },
    ],
    expects: ["raft-election-safety", "raft-hard-state", "no-crash"],
    hints: { members: 3, faults: ["restart-storm", "kill-leader", "kill-all", "flapping"] },
  },
  {
    name: "election-restriction-skipped",
    class: "own: election",
    mistake:
      "a voter compares the length of the candidate's log and not its last term (Raft §5.4.1)",
    file: `${RAFT}/core/log.ts`,
    edits: [
      {
        find: "return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);",
        replace: "return lastIndex >= this.lastIndex;",
      },
    ],
    expects: ["raft-leader-completeness", "linearizable", "no-crash"],
    hints: { seed: 5, members: 3, schedule: LEADERS_RETURN },
  },
  {
    name: "any-log-may-lead",
    class: "own: election",
    mistake: "a voter does not compare the candidate's log with its own at all (Raft §5.4.1)",
    file: `${RAFT}/core/raft.ts`,
    edits: [
      {
        find: "const granted = mayVote && this.log.isUpToDate(message.lastIndex, message.lastTerm);",
        replace: "const granted = mayVote;",
      },
    ],
    expects: ["raft-leader-completeness", "linearizable", "no-crash"],
    hints: { seed: 4, members: 3, faults: ["leader-returns"] },
  },
  {
    name: "conflicting-suffix-kept",
    class: "own: log matching",
    mistake: "a follower keeps entries that conflict with the leader's (Raft §5.3)",
    file: `${RAFT}/core/log.ts`,
    edits: [
      {
        find: "this.termAt(entry.index) !== entry.term);",
        replace: "this.termAt(entry.index) === undefined);",
      },
    ],
    expects: ["raft-log-matching", "raft-leader-completeness", "members-equal", "no-crash"],
    hints: { seed: 2, members: 3, faults: ["isolate-leader", "kill-leader", "flapping"] },
  },
  {
    name: "replaced-suffix-not-written",
    class: "own: log matching",
    mistake: "entries that take the place of conflicting ones count as written already",
    file: `${RAFT}/core/log.ts`,
    edits: [
      {
        find: "this.#stable = Math.min(this.#stable, first.index - 1);",
        replace: "",
      },
    ],
    expects: ["raft-log-matching", "raft-leader-completeness", "no-crash", "raft-commit"],
    hints: { seed: 5, members: 3, faults: ["isolate-leader", "kill-all", "flapping"] },
  },
  {
    name: "truncation-lost-in-recovery",
    class: "own: log matching",
    mistake: "a restart keeps the entries that a later record of the log has replaced",
    file: `${RAFT}/storage/log-storage.ts`,
    edits: [
      { find: "log.length = Math.min(log.length, Math.max(0, start.index - first));", replace: "" },
    ],
    expects: [
      "raft-log-matching",
      "raft-leader-completeness",
      "members-equal",
      "no-crash",
      "raft-state-machine-safety",
    ],
    hints: { seed: 5, members: 3, faults: ["isolate-leader", "kill-all", "flapping"] },
  },
  {
    name: "previous-entry-off-by-one",
    class: "own: log matching",
    mistake: "a follower looks one entry too far back where it compares what is before an append",
    file: `${RAFT}/core/append-entries.ts`,
    edits: [
      {
        find: "if (log.termAt(prevIndex) !== prevTerm) {",
        replace: "if ((log.termAt(prevIndex - 1) ?? prevTerm) > prevTerm) {",
      },
    ],
    expects: ["raft-log-matching", "raft-leader-completeness", "no-crash"],
    hints: { members: 3, faults: ["isolate-leader", "kill-leader", "flapping"] },
  },
  {
    name: "heartbeat-commits-what-is-not-shared",
    class: "own: commitment",
    mistake:
      "a heartbeat's commit index holds for whatever the log has, also where no entry of the leader's term shows that the logs agree",
    file: `${RAFT}/core/raft.ts`,
    edits: [{ find: "if (log.lastTerm === this.term)", replace: "" }],
    expects: [
      "raft-log-matching",
      "raft-commit",
      "raft-state-machine-safety",
      "members-equal",
      "no-crash",
    ],
    hints: { members: 3, safetyMs: 50_000, schedule: OLD_DISK_OF_A_LEADER, profile: CONTENDED },
  },
  {
    name: "read-index-without-a-round",
    class: "own: stale read",
    mistake: "a leader answers reads without asking whether it still leads (thesis §6.4)",
    file: `${RAFT}/core/raft.ts`,
    edits: [
      {
        find: "return this.reads.add({ from: undefined, context });",
        replace: "return this.reads.answer({ context, index: this.log.committed });",
      },
    ],
    expects: ["linearizable"],
    hints: { seed: 33, members: 3, faults: ["isolate-leader", "one-way-cut", "pause-long"] },
  },
  {
    name: "read-index-before-own-commit",
    class: "own: stale read",
    mistake: "a leader answers reads before an entry of its own term is committed (Raft §8)",
    file: `${RAFT}/core/leader-reads.ts`,
    edits: [
      {
        find: "if (!this.#queue.hasWaiting || log.termAt(log.committed) !== term)",
        replace: "if (!this.#queue.hasWaiting)",
      },
    ],
    expects: ["linearizable"],
    hints: { members: 3, schedule: LATE_FIRST_ENTRIES, profile: CONTENDED },
  },
  {
    name: "log-kept-after-image",
    class: "own: image",
    mistake: "an image is installed, and the log is not told to begin behind it (Raft §7)",
    file: `${RAFT}/node/image-traffic.ts`,
    edits: [{ find: "await storage.reset(metadata);", replace: "" }],
    expects: ["no-crash", "raft-log-matching", "members-equal", "liveness"],
    hints: {
      members: 3,
      schedule: KILLED_AFTER_IMAGES,
      flags: SHORT_LOG,
      profile: CONTENDED,
    },
  },
  {
    name: "log-compacted-before-database-is-synced",
    class: "own: durability",
    mistake: "the log forgets what is applied but not on the database's disk",
    file: `${RAFT}/node/log-compaction.ts`,
    edits: [
      {
        find: "const durable = await this.#host.dependencies.stateMachine.flush();",
        replace: "const durable = this.#host.dependencies.stateMachine.appliedIndex;",
      },
    ],
    expects: ["no-crash", "liveness"],
    hints: { faults: ["power-loss-all", "crash-in-batch"] },
  },
];
