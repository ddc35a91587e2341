/**
 * A process that runs simulations for another, one at a time: the program of `SimulationWorker`. It
 * is not imported by anything; a mutant's loader hook may come before it.
 */
import type { SimulateOptions } from "./simulation.js";
import { simulate } from "./simulate.js";

/** Enough to say where an error of ours is from. */
const STACK_FRAMES = 3;

// Refused calls are half of what a store under faults answers, and their stacks cost more than they.
Error.stackTraceLimit = STACK_FRAMES;
process.on("message", (options: SimulateOptions) => {
  // The channel's other end sends nothing else.
  void simulate(options).then((result) => process.send?.(result));
});
// Whoever started us is gone: nobody wants the result.
process.once("disconnect", () => process.exit());
