/**
 * A process that runs simulations for another, one at a time: the program of `SimulationWorker`. It
 * is not imported by anything; a mutant's loader hook may come before it.
 */
import type { MeasuredResult, SimulateOptions } from "./simulation.js";
import { simulate } from "./simulate.js";

/** Of an error, in a run that is told to the end. */
const STACK_FRAMES = 10;
const MICROS_PER_MS = 1_000;

process.on("message", (options: SimulateOptions) => {
  // The channel's other end sends nothing else.
  // Refused calls are half of what a store under faults answers, and their stacks cost more than they.
  Error.stackTraceLimit = options.keepEvents === undefined ? 0 : STACK_FRAMES;
  const before = process.cpuUsage();
  void simulate(options).then((result) => {
    const { user, system } = process.cpuUsage(before);
    const measured: MeasuredResult = { ...result, cpuMs: (user + system) / MICROS_PER_MS };
    process.send?.(measured);
  });
});
// Ctrl-C is for whoever started us, who still wants what is under way.
process.on("SIGINT", () => {});
// Whoever started us is gone: nobody wants the result.
process.once("disconnect", () => process.exit());
