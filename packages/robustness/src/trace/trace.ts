/**
 * What happened in a run, in order: one event a line, in words and figures that follow from the
 * seed alone. The determinism check compares the digest of two runs; the reports are drawn from the
 * events that are kept.
 */

export type TraceKind =
  /** A fault begins, ends or strikes. */
  | "fault"
  /** A member starts, stops, or stops itself. */
  | "process"
  /** A member's role or term has changed. */
  | "raft"
  /** A message between members leaves, arrives or is lost. */
  | "message"
  /** A client calls, or has its answer. */
  | "client"
  /** A write, sync or read of a disk that is worth a line. */
  | "disk"
  /** A guarantee does not hold. */
  | "violation";

export interface TraceEvent {
  /** Simulated milliseconds since the run began; in chaos, real ones. */
  readonly atMs: number;
  readonly kind: TraceKind;
  /** The lane: a member's name, a client's, or undefined for the whole. */
  readonly who?: string;
  /** Of a message: where it goes. */
  readonly to?: string;
  /** One line, for people; the same for the same seed. */
  readonly text: string;
  /**
   * Of what lasts (a fault, a message on its way, a client's call, the life of a process): which end
   * of it this is. Lost is an end too, of what never arrived. Undefined: it happened at once.
   */
  readonly phase?: "begin" | "end" | "lost";
  /** The same number at both ends of what lasts, and of its kind nowhere else in the run. */
  readonly pair?: number;
  /** Of a raft event: what the member is from here on. */
  readonly role?: TraceRole;
  readonly term?: number;
}

export type TraceRole = "leader" | "follower" | "candidate" | "pre-candidate";

export interface Trace {
  /** Cheap where nobody keeps events: `text` may then be a function that is never called. */
  add(event: Omit<TraceEvent, "atMs" | "text"> & { readonly text: string | (() => string) }): void;
}
