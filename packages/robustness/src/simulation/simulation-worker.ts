/** Simulations in processes of their own: one for each core, or one with a mutant in it. */
import { type ChildProcess, fork } from "node:child_process";
import { totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { MeasuredResult, SimulateOptions } from "./simulation.js";

/** Compiled, whether this file is or not. */
const PROGRAM = fileURLToPath(new URL("../../dist/simulation/worker-main.js", import.meta.url));
const MIB = 1_048_576;
/**
 * A run makes some 200 MB and keeps little of it to its end: a nursery that takes a whole run finds
 * nearly everything dead. With 128 MB a run takes a tenth longer, with 512 no less. A process may come
 * to three times its nursery, so it is smaller where memory is short.
 */
const NURSERY_MIB: readonly number[] = [256, 128, 64];
const NURSERY_MIB_MIN = 32;
/** For a worker whose share of the memory is as large; V8's own choice is at most 300. */
const OLD_GROWTH_PERCENT = 1_000;
const OLD_GROWTH_SHARE_MIB = 2_048;
/** A worker's nursery is at most so much of its share of the memory. */
const NURSERY_SHARE = 1 / 6;

export interface SimulationWorkerOptions {
  /** Flags of Node before the program, as `--import=<URL of a loader hook>`. */
  readonly execArgv?: readonly string[];
  /** How many run at the same time, this one included. */
  readonly workers?: number;
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

  constructor({ execArgv = [], workers = 1 }: SimulationWorkerOptions = {}) {
    this.#child = fork(PROGRAM, {
      execArgv: [...heapFlags(memoryMib() / workers), ...execArgv],
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

/**
 * The collector has no threads of its own: there is a process for each core, and they would wait.
 *
 * V8 allocates what has often survived in old space at once. What a run makes survives only where the
 * nursery is collected in its middle; allocated there, its dead hold the young until all is marked,
 * which throws compiled code away, too (an eighth of the time). For the same reason what is old may
 * grow to more before it is marked, where there is room for it.
 */
function heapFlags(shareMib: number): readonly string[] {
  const nursery = NURSERY_MIB.find((mib) => mib <= shareMib * NURSERY_SHARE) ?? NURSERY_MIB_MIN;
  return [
    `--min-semi-space-size=${nursery}`,
    `--max-semi-space-size=${nursery}`,
    "--single-threaded-gc",
    "--no-allocation-site-pretenuring",
    ...(shareMib >= OLD_GROWTH_SHARE_MIB ? [`--heap-growing-percent=${OLD_GROWTH_PERCENT}`] : []),
  ];
}

/** Of the machine, or of the container that we are in. */
function memoryMib(): number {
  // Undefined or 0 where there is no limit.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem(), limit) / MIB;
}
