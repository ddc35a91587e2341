/**
 * A process that runs simulations for another, one at a time: the program of `SimulationWorker`. It
 * is not imported by anything; a mutant's loader hook may come before it.
 */
import type { SimulateOptions } from "./simulation.js";
import { simulate } from "./simulate.js";

process.on("message", (options: SimulateOptions) => {
  // The channel's other end sends nothing else.
  void simulate(options).then((result) => process.send?.(result));
});
// Whoever started us is gone: nobody wants the result.
process.once("disconnect", () => process.exit());
