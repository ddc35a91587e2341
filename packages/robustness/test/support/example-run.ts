/** A run of three members as reports are given it: an election, a cut, a crash, a stale read. */
import type { History, Operation } from "../../src/history/history.js";
import type { RecordedRun } from "../../src/report/recorded-run.js";
import type { TraceEvent, TraceRole } from "../../src/trace/trace.js";

const MEMBERS = ["m1", "m2", "m3"];
const DURATION_MS = 20_000;
const VIOLATED_MS = 12_345;

export function exampleRun(more: Partial<RecordedRun> = {}): RecordedRun {
  const events = [...story(), ...messages()].toSorted((a, b) => a.atMs - b.atMs);
  return {
    title: "seed 42, 3 members",
    members: MEMBERS,
    events,
    violations: [
      {
        guarantee: "linearizable",
        text: "range of k1 at 12.345 s answers v17,\nalthough put v18 was answered at 11.020 s",
        atMs: VIOLATED_MS,
      },
    ],
    durationMs: DURATION_MS,
    history: history(),
    facts: [
      ["seed", "42"],
      ["digest", "9f2c31aa"],
      ["again", "npm run simulate -- --seed 42"],
    ],
    schedule: ["8.000 s  network/cut m1 from m2, m3 for 3.0 s", "14.000 s  process/kill m2"],
    ...more,
  };
}

function raft(atMs: number, who: string, state: readonly [TraceRole, number]): TraceEvent {
  const [role, term] = state;
  return { atMs, kind: "raft", who, role, term, text: `${role}, term ${term}` };
}

function story(): TraceEvent[] {
  return [
    ...MEMBERS.map((who): TraceEvent => ({
      atMs: 0,
      kind: "process",
      who,
      phase: "begin",
      text: "starts",
    })),
    ...MEMBERS.map((who) => raft(10, who, ["follower", 1])),
    raft(1_200, "m1", ["pre-candidate", 1]),
    raft(1_260, "m1", ["candidate", 2]),
    raft(1_320, "m1", ["leader", 2]),
    raft(1_330, "m2", ["follower", 2]),
    raft(1_331, "m3", ["follower", 2]),
    { atMs: 8_000, kind: "fault", phase: "begin", pair: 1, text: "network/cut m1 from m2, m3" },
    { atMs: 8_400, kind: "disk", who: "m3", text: "sync takes 380 ms" },
    raft(9_300, "m2", ["candidate", 3]),
    raft(9_350, "m2", ["leader", 3]),
    raft(9_360, "m3", ["follower", 3]),
    raft(10_100, "m1", ["follower", 2]),
    { atMs: 11_000, kind: "fault", phase: "end", pair: 1, text: "network/cut m1 from m2, m3" },
    raft(11_050, "m1", ["follower", 3]),
    { atMs: VIOLATED_MS, kind: "violation", text: "linearizable: range of k1 answers v17" },
    { atMs: 14_000, kind: "fault", text: "process/kill m2", who: "m2" },
    { atMs: 14_000, kind: "process", who: "m2", phase: "end", text: "is killed" },
    raft(15_200, "m3", ["pre-candidate", 3]),
    raft(15_250, "m3", ["candidate", 4]),
    raft(15_300, "m3", ["leader", 4]),
    raft(15_310, "m1", ["follower", 4]),
    { atMs: 17_000, kind: "process", who: "m2", phase: "begin", text: "starts" },
    raft(17_100, "m2", ["follower", 4]),
  ];
}

/** Heartbeats of whoever leads, every 100 ms; lost where the cut is. */
function messages(): TraceEvent[] {
  const found: TraceEvent[] = [];
  for (let atMs = 1_400, pair = 0; atMs < DURATION_MS; atMs += 100) {
    const leader = atMs < 10_000 ? "m1" : atMs < 14_000 ? "m2" : atMs < 15_300 ? undefined : "m3";
    for (const to of MEMBERS) {
      if (leader === undefined || to === leader) continue;
      const message = { kind: "message", who: leader, to, pair: pair++ } as const;
      found.push({ ...message, atMs, phase: "begin", text: `${leader}→${to} heartbeat` });
      const isCut = atMs >= 8_000 && atMs < 11_000 && [leader, to].includes("m1");
      const phase = isCut ? "lost" : "end";
      found.push({ ...message, atMs: atMs + 8 + (pair % 5), phase, text: "heartbeat" });
    }
  }
  return found;
}

function history(): History {
  const operations: Operation[] = [];
  for (let n = 0; n < 240; n++) {
    const calledMs = 1_500 + n * 76;
    const isHanging = n % 13 === 5 && calledMs > 8_000 && calledMs < 11_000;
    const tookMs = isHanging ? 1_900 : 20 + ((n * 7) % 50);
    operations.push({
      client: `client-${n % 3}`,
      member: MEMBERS[n % 3] ?? "m1",
      calledAt: 2 * n,
      calledMs,
      returnedAt: isHanging ? undefined : 2 * n + 1,
      returnedMs: calledMs + tookMs,
      request:
        n % 2 === 0
          ? { kind: "put", key: `k${n % 4}`, value: `v${n}` }
          : { kind: "range", key: `k${n % 4}` },
      outcome: isHanging
        ? { kind: "unknown", error: "deadline exceeded" }
        : n % 31 === 30
          ? { kind: "refused", error: "etcdserver: too many requests" }
          : { kind: "answered", response: { kind: "put", revision: n + 2 } },
    });
  }
  return { operations, watches: [], leases: [] };
}
