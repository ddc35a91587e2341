/** Every guarantee that is judged, by the name that stands in a `Violation`, with what it says. */
export const GUARANTEES = {
  // Keys and values
  linearizable:
    "All answers are those of one store that did each request at a moment between call and return.",
  "no-acknowledged-write-lost":
    "What was acknowledged is delivered by every watch and held by every member.",
  "history-complete":
    "Of every revision somebody saw what it did: without that there is nothing to judge by.",
  // Watches
  "watch-ordered": "Events come in the order of revisions, and within one of its changes.",
  "watch-unique": "No event comes twice on one watch.",
  "watch-reliable":
    "Between two events of a watch none is left out, and in the end none is missing.",
  "watch-atomic": "Events of one revision come all together.",
  "watch-resumable":
    "A watch from a past revision begins with the first event there, or is refused.",
  "watch-bookmarkable": "A progress notification comes behind every event up to its revision.",
  "watch-start": "Nothing of a revision before the one that was asked for comes.",
  "watch-true": "Every event is one that the store did make, as it was at that revision.",
  "watch-prev-kv": "Who asked gets the pair as it was before the event, unless it is compacted.",
  "watch-filters": "Only events come of keys and kinds that were asked for.",
  "watch-compacted":
    "A watch ends for compaction only where what it needs is compacted, and says at which revision.",
  "watch-fragments": "Fragments come only to who asked, and together make whole revisions.",
  // Leases
  "lease-not-early": "A lease lives for its TTL from its last renewal that was answered.",
  "lease-not-outlived": "No key outlives its lease by more than the bound.",
  "lease-stays-gone": "A lease that was said to be gone takes no key and no renewal.",
  "lock-exclusive": "A lock on a lease is never held twice within the life of that lease.",
  // Members
  "members-equal-hash": "Members that are at one revision have one HashKV.",
  "members-equal": "Members that have applied the same index hold the same bytes.",
  "failed-write-is-last": "After a write to its log that failed a process writes there no more.",
  "quota-kept": "A member that is larger than its quota takes no writes.",
  "progress-after-heal": "Once faults are over, the store works again within a bounded time.",
  "no-crash": "No member stops itself but for what was done to its disk.",
  // Raft (figure 3 of the paper)
  "raft-election-safety": "A term has at most one leader.",
  "raft-leader-append-only": "A leader never drops or replaces entries of its log.",
  "raft-log-matching": "Logs that agree on an entry agree on all before it.",
  "raft-leader-completeness": "What was committed is in the logs of all later terms' leaders.",
  "raft-state-machine-safety": "No two members apply different entries at one index.",
  "raft-hard-state":
    "A member's term never falls and its vote in a term never changes, over restarts, too.",
  "raft-commit": "The commit index never falls and never runs ahead of the log.",
} as const;

export type Guarantee = keyof typeof GUARANTEES;
