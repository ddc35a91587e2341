/** Mistakes in the key-value store: requests, revisions, transactions, compaction, quota. */
import type { Mutant } from "./mutant.js";
import { CONTENDED, rounds, throughout } from "./targeted.js";

const KV = "packages/kv/src";
const ROUNDS = { count: 4, everyMs: 5_000 };
/** Members that take long to apply, while what they ask each other takes long, too. */
const FOLLOWERS_BEHIND = [
  ...[0, 1].map((member) => throughout(ROUNDS, "slow-disk", { member, times: 100 })),
  throughout(ROUNDS, "delay", { link: { delayMs: [10, 60] } }),
];

/** Several of them in one batch, by members that hold little: how much follows from each start. */
const LARGE_BLOCKS_AT_ONCE = rounds({ count: 3, everyMs: 2_500 }, [
  ...[0, 0, 0, 0, 0, 0].map((atMs) => ({ fault: "large-requests", atMs, durationMs: 800 })),
  { fault: "kill-all", atMs: 2_000, durationMs: 100 },
]);
const SMALL_QUOTA = [throughout(ROUNDS, "quota-hit", { quotaBytes: 2_048 })];

export const KV_MUTANTS: readonly Mutant[] = [
  {
    name: "serializable-for-linearizable",
    class: "own: stale read",
    mistake: "every read is answered from what this member has just now",
    file: `${KV}/member/store-member.ts`,
    edits: [
      {
        find: "return request.serializable ? read() : this.#linearizably(read);",
        replace: "return read();",
      },
    ],
    expects: ["linearizable"],
    hints: {},
  },
  {
    name: "read-before-applied",
    class: "own: stale read",
    mistake: "a read does not wait until its read index is applied here",
    file: `${KV}/member/linearizable-reads.ts`,
    edits: [{ find: "await this.#options.applied.until(index);", replace: "void index;" }],
    expects: ["linearizable"],
    hints: { members: 3, schedule: FOLLOWERS_BEHIND, profile: CONTENDED },
  },
  {
    name: "read-joins-a-round-under-way",
    class: "own: stale read",
    mistake: "a read that comes while a round is under way is answered with it",
    file: `${KV}/member/linearizable-reads.ts`,
    edits: [
      {
        find: "for (const reader of readers)\n            reader.readable();",
        replace:
          "for (const reader of [...readers, ...this.#gathered.splice(0)])\n            reader.readable();",
      },
    ],
    expects: ["linearizable"],
    hints: { members: 3, schedule: FOLLOWERS_BEHIND, profile: CONTENDED },
  },
  {
    name: "proposal-offered-twice",
    class: "own: double apply",
    mistake:
      "what was offered to the last leader and is not answered is offered to the next one too",
    file: `${KV}/member/proposals.ts`,
    edits: [
      {
        find: "this.#options.raft.propose(data);",
        replace: "this.#options.raft.propose(data);\n            batch.data = data.slice();",
      },
      {
        find: "if (status.leaderId === undefined || this.#waiting.length === 0)",
        replace: "if (status.leaderId === undefined)",
      },
      {
        find: "const waiting = this.#waiting;",
        replace:
          "this.#forgetAnswered();\n        const waiting = this.#batches.filter((one) => one.data !== undefined);",
      },
    ],
    expects: ["linearizable"],
    hints: { seed: 7, members: 3, faults: ["kill-leader", "isolate-leader", "pause-long"] },
  },
  {
    name: "txn-split-over-revisions",
    class: "own: atomicity",
    mistake: "each put of a transaction ends it, and what follows gets the next revision",
    file: `${KV}/apply/applier.ts`,
    edits: [
      {
        find: 'return answer("responsePut", this.#withHeader(this.#put(op.value)));',
        replace:
          'return ((done) => (this.#store.endTransaction(), done))(answer("responsePut", this.#withHeader(this.#put(op.value))));',
      },
    ],
    expects: ["linearizable", "watch-reliable", "watch-atomic", "no-crash"],
    hints: {},
  },
  {
    name: "txn-needs-one-comparison",
    class: "own: atomicity",
    mistake: "a transaction succeeds where one of its comparisons holds",
    file: `${KV}/apply/txn.ts`,
    edits: [
      {
        find: "request.compare.every((compare) =>",
        replace: "request.compare.some((compare) =>",
      },
    ],
    expects: ["linearizable"],
    hints: {},
  },
  {
    name: "txn-compares-creation",
    class: "own: atomicity",
    mistake: "a comparison with the revision of the last write looks at that of the creation",
    file: `${KV}/apply/txn.ts`,
    edits: [
      {
        find: '(kv?.modRevision ?? 0) - wanted("modRevision")',
        replace: '(kv?.createRevision ?? 0) - wanted("modRevision")',
      },
    ],
    expects: ["linearizable"],
    hints: {},
  },
  {
    name: "txn-ends-early",
    class: "own: atomicity",
    mistake:
      "a transaction of several operations is answered when the last one is still to be made",
    file: `${KV}/apply/txn.ts`,
    edits: [
      {
        find: "if (op === undefined)\n            return { response: undefined };",
        replace:
          "if (op === undefined || (i > 0 && i === chosenOps(request, path).length - 1))\n            return { response: undefined };",
      },
    ],
    expects: ["linearizable", "no-crash"],
    hints: {},
  },
  {
    name: "delete-range-takes-its-end",
    class: "own: off by one",
    mistake: "a deletion of a range takes the key at its end with it",
    file: `${KV}/apply/applier.ts`,
    edits: [
      {
        find: "keyRange(toBinaryString(request.key), toBinaryString(request.rangeEnd));",
        replace:
          'keyRange(toBinaryString(request.key), toBinaryString(request.rangeEnd) + (request.rangeEnd.length > 1 ? "\\0" : ""));',
      },
    ],
    expects: ["linearizable"],
    hints: { seed: 2 },
  },
  {
    name: "compaction-takes-one-too-many",
    class: "own: off by one",
    mistake: "a compaction gives up what the store held at its very revision",
    file: `${KV}/mvcc/key-history.ts`,
    edits: [
      {
        find: "keepFrom(revision) {\n        const at = this.positionAt(revision);",
        replace: "keepFrom(revision) {\n        const at = this.positionAt(revision + 1);",
      },
    ],
    expects: ["linearizable", "watch-reliable", "watch-prev-kv", "members-equal-hash"],
    hints: { seed: 6 },
  },
  {
    name: "compacted-revision-is-read",
    class: "own: off by one",
    mistake: "the revision right before a compaction's can still be read, and has lost its pairs",
    file: `${KV}/mvcc/mvcc-store.ts`,
    edits: [
      {
        find: "if (asked < this.#compactRevision)",
        replace: "if (asked < this.#compactRevision - 1)",
      },
    ],
    expects: ["linearizable"],
    hints: {},
  },
  {
    name: "hash-of-what-is-not-cleaned-up",
    class: "own: hash",
    mistake: "the hash takes in versions that a compaction has given up and no clean-up removed",
    file: `${KV}/mvcc/mvcc-store.ts`,
    edits: [{ find: "return at >= history.keepFrom(compactRevision);", replace: "return true;" }],
    expects: ["members-equal-hash"],
    hints: { seed: 6, members: 3, faults: ["crash-in-compaction"] },
  },
  {
    name: "unwritten-block-evicted",
    class: "own: cache",
    mistake:
      "while blocks are handed to the database one evicts another that is still to be handed over",
    file: `${KV}/mvcc/version-log.ts`,
    edits: [
      {
        find: "const leaving = this.#pending.slice(0, count);",
        replace: "const leaving = this.#pending.splice(0, count);",
      },
      { find: "        this.#pending.splice(0, count);\n", replace: "" },
      {
        find: "this.smallBlocks++;\n        }",
        replace: "this.smallBlocks++;\n            this.#count(entry);\n        }",
      },
      { find: "for (const entry of leaving)\n            this.#count(entry);", replace: "" },
    ],
    expects: ["no-crash", "liveness"],
    hints: { members: 1, safetyMs: 11_000, schedule: LARGE_BLOCKS_AT_ONCE, profile: CONTENDED },
  },
  {
    name: "quota-not-enforced",
    class: "own: quota",
    mistake: "writes are taken while the store is larger than its quota",
    file: `${KV}/member/quota.ts`,
    edits: [
      { find: "if (!this.#alarmed && size <= quotaBytes) {", replace: "if (!this.#alarmed) {" },
    ],
    expects: ["quota-kept"],
    hints: { members: 1, schedule: SMALL_QUOTA },
  },
];
