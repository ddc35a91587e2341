import type { TraceEvent, TraceRole } from "../trace/trace.js";

/** What a member is at one moment of a run, as far as the events say. */
export interface MemberState {
  readonly role?: TraceRole;
  readonly term?: number;
  readonly isDown: boolean;
}

const UNHEARD: MemberState = { isDown: false };

/** Follows the events of a run, in order. */
export class MemberStates {
  readonly #states = new Map<string, MemberState>();

  of(member: string): MemberState {
    return this.#states.get(member) ?? UNHEARD;
  }

  /** Whether the event changed what its member is. */
  add({ kind, who, phase, role, term }: TraceEvent): boolean {
    if (who === undefined) return false;
    const before = this.of(who);
    const after = next(before, { kind, phase, role, term });
    if (after === before) return false;
    this.#states.set(who, after);
    return true;
  }
}

function next(
  before: MemberState,
  { kind, phase, role, term }: { [K in "kind" | "phase" | "role" | "term"]: TraceEvent[K] },
): MemberState {
  // A member that starts has heard nothing yet, whatever it was.
  if (kind === "process" && phase !== undefined) return { isDown: phase !== "begin" };
  if (kind !== "raft" || (role === undefined && term === undefined)) return before;
  if (before.role === (role ?? before.role) && before.term === (term ?? before.term)) return before;
  return {
    ...before,
    ...(role === undefined ? {} : { role }),
    ...(term === undefined ? {} : { term }),
  };
}
