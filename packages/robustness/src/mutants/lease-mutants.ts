/** Mistakes in leases: when they end, what hangs on them, who may say so. */
import type { Mutant } from "./mutant.js";
import { CONTENDED, rounds } from "./targeted.js";

const KV = "packages/kv/src";

/** Each is renewed by two leaders for a while. */
const LEADERS_CUT_OFF = rounds({ count: 7, everyMs: 8_000 }, [
  { fault: "isolate-leader", atMs: 0, durationMs: 6_000 },
]);
const LEASED = { ...CONTENDED, name: "leased, and little else", kvClients: 1, leaseClients: 20 };

export const LEASE_MUTANTS: readonly Mutant[] = [
  {
    name: "old-leader-revokes",
    class: "own: lease",
    mistake: "a revocation counts although another leader has kept the lease alive since",
    file: `${KV}/apply/applier.ts`,
    edits: [{ find: "if (expiredInTerm !== 0 && expiredInTerm !== term)", replace: "if (false)" }],
    expects: ["lease-not-early", "lock-exclusive"],
    hints: { seed: 9, members: 3, faults: ["old-leader-revoke", "lease-expiry-under-pause"] },
  },
  {
    name: "new-leader-expires-early",
    class: "own: lease",
    mistake: "a new leader gives leases no time of their own",
    file: `${KV}/lease/lessor.ts`,
    edits: [
      {
        find: "lease.expiresMs = nowMs + lease.ttlSeconds * 1000 + extendMs;",
        replace: "lease.expiresMs = nowMs + extendMs;",
      },
    ],
    expects: ["lease-not-early", "lock-exclusive"],
    hints: { members: 3, faults: ["kill-leader", "isolate-leader"] },
  },
  {
    name: "lease-never-ends",
    class: "own: lease",
    mistake: "a lease that is granted by the present leader has no end",
    file: `${KV}/lease/lessor.ts`,
    edits: [
      {
        find: "this.#isLeader ? nowMs + ttlSeconds * 1000 : Number.POSITIVE_INFINITY",
        replace: "Number.POSITIVE_INFINITY",
      },
    ],
    expects: ["lease-not-outlived", "progress-after-heal"],
    hints: {},
  },
  {
    name: "renewal-forgotten",
    class: "own: lease",
    mistake: "a renewal is answered and moves no end",
    file: `${KV}/lease/lessor.ts`,
    edits: [
      {
        find: "lease.expiresMs = Math.max(lease.expiresMs, nowMs + lease.ttlSeconds * 1000);",
        replace: "",
      },
    ],
    expects: ["lease-not-early", "lock-exclusive"],
    hints: {},
  },
  {
    name: "renewal-shortens",
    class: "own: lease",
    mistake: "a renewal takes back what a new leader gave, while the one before still renews",
    file: `${KV}/lease/lessor.ts`,
    edits: [
      {
        find: "Math.max(lease.expiresMs, nowMs + lease.ttlSeconds * 1000)",
        replace: "nowMs + lease.ttlSeconds * 1000",
      },
    ],
    expects: ["lease-not-early", "lock-exclusive"],
    hints: { members: 3, safetyMs: 60_000, schedule: LEADERS_CUT_OFF, profile: LEASED },
  },
  {
    name: "key-stays-on-its-old-lease",
    class: "own: lease",
    mistake: "a key that is written with another lease, or none, still goes with the old one",
    file: `${KV}/lease/lessor.ts`,
    edits: [{ find: "this.#leases.get(before)?.keys.delete(key);", replace: "void before;" }],
    expects: ["linearizable", "lease-not-early", "members-equal", "members-equal-hash"],
    hints: {},
  },
  {
    name: "attachments-lost-on-restart",
    class: "own: lease",
    mistake: "a restart forgets which keys hang on which lease",
    file: `${KV}/mvcc/open-store.ts`,
    edits: [
      {
        find: "head.version === 0 ? 0n : head.lease",
        replace: "0n",
      },
    ],
    expects: [
      "members-equal",
      "members-equal-hash",
      "lease-not-outlived",
      "linearizable",
      "progress-after-heal",
    ],
    hints: { faults: ["kill-all", "rolling-restart"] },
  },
  {
    name: "lease-not-stored",
    class: "own: lease",
    mistake: "a lease is kept in memory only: a restart does not know it",
    file: `${KV}/apply/applier.ts`,
    edits: [
      {
        find: "this.#backend.put(key, sealValue(key, LeaseRecord.encode({ id, ttl })));",
        replace: "",
      },
    ],
    expects: [
      "members-equal",
      "members-equal-hash",
      "lease-not-outlived",
      "linearizable",
      "liveness",
    ],
    hints: { faults: ["kill-all", "rolling-restart"] },
  },
  {
    name: "revoked-lease-keeps-its-keys",
    class: "own: lease",
    mistake: "the last of a lease's keys outlives it",
    file: `${KV}/lease/lessor.ts`,
    edits: [
      {
        find: "return [...lease.keys].toSorted(compareText);",
        replace: "return [...lease.keys].toSorted(compareText).slice(0, -1);",
      },
    ],
    expects: ["lease-not-outlived", "linearizable"],
    hints: {},
  },
];
