/** Mistakes in watches: where they begin, what they are sent and in what order. */
import type { Mutant } from "./mutant.js";

const KV = "packages/kv/src";

export const WATCH_MUTANTS: readonly Mutant[] = [
  {
    name: "watch-begins-late",
    class: "own: off by one",
    mistake: "a watch begins behind the revision that was asked for",
    file: `${KV}/rpc/watch-session.ts`,
    edits: [
      {
        find: "const start = request.startRevision > 0 ? request.startRevision :",
        replace: "const start = request.startRevision > 0 ? request.startRevision + 1 :",
      },
    ],
    expects: ["watch-reliable", "watch-resumable"],
    hints: {},
  },
  {
    name: "watch-begins-early",
    class: "own: off by one",
    mistake: "a watch begins before the revision that was asked for",
    file: `${KV}/rpc/watch-session.ts`,
    edits: [
      {
        find: "const start = request.startRevision > 0 ? request.startRevision :",
        replace: "const start = request.startRevision > 1 ? request.startRevision - 1 :",
      },
    ],
    expects: ["watch-start", "watch-ordered", "watch-unique", "watch-reliable"],
    hints: {},
  },
  {
    name: "watch-from-now-misses-the-next",
    class: "own: off by one",
    mistake: "a watch from now on begins behind the next revision",
    file: `${KV}/rpc/watch-session.ts`,
    edits: [
      {
        find: "request.startRevision : revision() + 1;",
        replace: "request.startRevision : revision() + 2;",
      },
    ],
    expects: ["watch-reliable", "watch-resumable"],
    hints: { seed: 2 },
  },
  {
    name: "catch-up-skips-between-windows",
    class: "own: off by one",
    mistake: "a watcher that reads its keys' history goes one revision too far after each window",
    file: `${KV}/watch/catch-up.ts`,
    edits: [{ find: "watcher.from = to + 1;", replace: "watcher.from = to + 2;" }],
    expects: ["watch-reliable", "watch-resumable"],
    hints: {},
  },
  {
    name: "catch-up-drops-prev-kv",
    class: "own: watch content",
    mistake: "events of the past come without the pair before them",
    file: `${KV}/watch/catch-up.ts`,
    edits: [
      {
        find: "(variant & PREV_KV) === 0 ? {} : { previous: cohorts.previous };",
        replace: "{};",
      },
    ],
    expects: ["watch-prev-kv"],
    hints: { seed: 2 },
  },
  {
    name: "prev-kv-is-the-new-one",
    class: "own: watch content",
    mistake: "the pair before a change is looked up at the change's own revision",
    file: `${KV}/mvcc/mvcc-store.ts`,
    edits: [
      {
        find: "const at = history ? history.positionAt(revision - 1) : -1;",
        replace: "const at = history ? history.positionAt(revision) : -1;",
      },
    ],
    expects: ["watch-prev-kv"],
    hints: {},
  },
  {
    name: "filters-exchanged",
    class: "own: watch content",
    mistake: "who wants no deletes gets no puts, and the other way round",
    file: `${KV}/watch/cohort.ts`,
    edits: [
      {
        find: "type === EventType.DELETE ? (variant & NO_DELETE) === 0 : (variant & NO_PUT) === 0",
        replace:
          "type === EventType.DELETE ? (variant & NO_PUT) === 0 : (variant & NO_DELETE) === 0",
      },
    ],
    expects: ["watch-filters", "watch-reliable"],
    hints: {},
  },
  {
    name: "watch-splits-a-revision",
    class: "own: atomicity",
    mistake: "events of one revision come in several responses, though no fragments were asked for",
    file: `${KV}/rpc/watch-session.ts`,
    edits: [
      {
        find: "if (watch.fragment && block.bytes.length > fragmentBytes) {",
        replace: "if (block.changes.length > 1) {",
      },
      {
        find: "responses.fragmentsOf(block, { watch, bytesMax: fragmentBytes });",
        replace: "responses.fragmentsOf(block, { watch, bytesMax: 1 });",
      },
    ],
    expects: ["watch-atomic", "watch-fragments"],
    hints: {},
  },
  {
    name: "compacted-watch-goes-on",
    class: "own: compaction",
    mistake: "a watch of what is compacted is not ended, and begins where history still is",
    file: `${KV}/watch/catch-up.ts`,
    edits: [
      {
        find: "onCompacted(watcher, store.compactRevision);",
        replace: "watcher.from = store.compactRevision;\n            this.place(watcher);",
      },
    ],
    expects: ["watch-reliable", "watch-resumable", "watch-prev-kv"],
    hints: {},
  },
];
