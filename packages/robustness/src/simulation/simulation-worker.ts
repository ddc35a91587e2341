/** Simulations in processes of their own: one for each core, or one with a mutant in it. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { MeasuredResult, SimulateOptions } from "./simulation.js";

/** Compiled, whether this file is or not. */
const PROGRAM = fileURLToPath(new URL("../../dist/simulation/worker-main.js", import.meta.url));
/**
 * Most of what a run makes lives shortly: with a larger nursery the collector finds it dead, and runs
 * a third less often. It has no threads of its own: there is a process for each core, and threads that
 * help wait for each other.
 */
const HEAP_FLAGS: readonly string[] = ["--max-semi-space-size=32", "--single-threaded-gc"];

export interface SimulationWorkerOptions {
  /** Flags of Node before the program, as `--import=<URL of a loader hook>`. */
  readonly execArgv?: readonly string[];
}

export class SimulationWorker {
  readonly #child: ChildProcess;
  #waiting:
    | {
        readonly resolve: (result: MeasuredResult) => void;
        readonly reject: (error: Error) => void;
      }
    | undefined;
  #ended: Error | undefined;

  constructor({ execArgv = [] }: SimulationWorkerOptions = {}) {
    this.#child = fork(PROGRAM, {
      execArgv: [...HEAP_FLAGS, ...execArgv],
      serialization: "advanced",
    });
    this.#child.on("message", (result: MeasuredResult) => {
      // The program sends nothing else.
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(result);
    });
    this.#child.once("exit", (code, signal) => {
      this.#end(new Error(`a simulation's process ended with ${signal ?? `code ${code}`}`));
    });
    this.#child.once("error", (error) => this.#end(error));
  }

  /** One at a time. Rejects where the process ends before it answers. */
  run(options: SimulateOptions): Promise<MeasuredResult> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.send(options);
    });
  }

  /** At once, whatever it is doing. */
  close(): void {
    this.#ended ??= new Error("the worker was closed");
    this.#child.kill("SIGKILL");
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
