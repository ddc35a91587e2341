/** What happens in a run, as the reports draw it, and what was violated; told to whoever watches. */
import type { TraceEvent, Violation } from "@sagong/robustness";
import type { Progress } from "./progress.js";

/** Of what goes wrong behind these only the number is of interest. */
const VIOLATIONS_TOLD_MAX = 20;

export class RunLog {
  readonly trace: TraceEvent[] = [];
  readonly violations: Violation[] = [];
  readonly #startMs = performance.now();
  readonly #progress: Progress;
  #pair = 0;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** Since the run began; monotonic. */
  nowMs(): number {
    return performance.now() - this.#startMs;
  }

  add(event: Omit<TraceEvent, "atMs">): void {
    this.trace.push({ atMs: Math.round(this.nowMs()), ...event });
  }

  /** A line of the whole run. */
  say(text: string): void {
    this.add({ kind: "process", text });
    this.#progress.line(text);
  }

  /** Call what it returns when the fault ends. */
  begin(fault: string): () => void {
    const pair = ++this.#pair;
    this.add({ kind: "fault", text: fault, phase: "begin", pair });
    return () => this.add({ kind: "fault", text: fault, phase: "end", pair });
  }

  violate(violation: Violation): void {
    this.violations.push({ atMs: this.nowMs(), ...violation });
    if (this.violations.length > VIOLATIONS_TOLD_MAX) return;
    const text = `${violation.guarantee}: ${violation.text}`;
    this.add({ kind: "violation", text });
    this.#progress.line(`VIOLATED ${text}`);
  }
}
