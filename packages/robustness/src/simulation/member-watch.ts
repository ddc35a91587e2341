/**
 * Looks at members after every event: raft's invariants, and changes of role and term for the trace.
 * An event reaches one process, mostly; those that nothing has entered are as they were
 * (member/process-gate.ts, G1), and are not looked at.
 */
import type { RaftView } from "@sagong/raft";
import type { RaftInvariants } from "../check/raft-invariants.js";
import type { Violation } from "../history/history.js";
import type { Machine } from "../member/machine.js";
import type { Trace, TraceRole } from "../trace/trace.js";

interface Seen {
  readonly member: Machine;
  role: TraceRole | undefined;
  term: number;
  /** Of its machine, at the last look. */
  steps: number | undefined;
}

export class MemberWatch {
  readonly #invariants: RaftInvariants;
  readonly #trace: Trace;
  readonly #seen: readonly Seen[];
  #onLeader: () => void = () => {};

  constructor(members: readonly Machine[], invariants: RaftInvariants, trace: Trace) {
    this.#invariants = invariants;
    this.#trace = trace;
    this.#seen = members.map((member) => ({ member, role: undefined, term: 0, steps: undefined }));
  }

  /** Calls `listener` each time that somebody begins to lead. */
  onLeader(listener: () => void): void {
    this.#onLeader = listener;
  }

  /** The first violation there is. */
  look(): Violation | undefined {
    const views: RaftView[] = [];
    for (const seen of this.#seen) {
      const { steps } = seen.member;
      if (steps === seen.steps) continue;
      seen.steps = steps;
      const view = seen.member.raftView();
      if (view === undefined) {
        seen.role = undefined;
        continue;
      }
      views.push(view);
      if (seen.role === view.role && seen.term === view.term) continue;
      seen.role = view.role;
      seen.term = view.term;
      const { role, term } = view;
      if (role === "leader") this.#onLeader();
      const who = seen.member.name;
      this.#trace.add({ kind: "raft", who, role, term, text: `${role} in term ${term}` });
    }
    return views.length === 0 ? undefined : this.#invariants.observe(views);
  }
}
