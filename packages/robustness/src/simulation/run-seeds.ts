/** Many seeds on many processes, each seed once, or twice to see that it is the same run. */
import { errorText } from "@sagong/base";
import { SimulationWorker } from "./simulation-worker.js";
import type { MeasuredResult, SimulateOptions } from "./simulation.js";

export interface RunSeedsOptions {
  readonly workers: number;
  /** Of each run, but for the seed. */
  readonly options: Omit<SimulateOptions, "seed">;
  readonly checksDeterminism: boolean;
  /** In the order in which they end. */
  readonly onResult: (result: MeasuredResult) => void;
}

/** Runs the seeds until there are no more; `next` answers undefined then. */
export async function runSeeds(
  next: () => number | undefined,
  options: RunSeedsOptions,
): Promise<void> {
  await Promise.all(
    Array.from({ length: options.workers }, async () => {
      const worker = new Restarting(options.workers);
      try {
        for (let seed = next(); seed !== undefined; seed = next()) {
          options.onResult(await runOne(worker, seed, options));
        }
      } finally {
        worker.close();
      }
    }),
  );
}

async function runOne(
  worker: Restarting,
  seed: number,
  { options, checksDeterminism }: RunSeedsOptions,
): Promise<MeasuredResult> {
  const result = await worker.run({ ...options, seed });
  if (!checksDeterminism) return result;
  // In a fresh process: what the first left behind in the old one must not matter either.
  worker.restart();
  const again = await worker.run({ ...options, seed });
  if (again.digest === result.digest) return result;
  const text = `two runs of seed ${seed} have the digests ${result.digest} and ${again.digest}`;
  return { ...result, violations: [...result.violations, { guarantee: "deterministic", text }] };
}

/** A worker that is replaced where its process has ended. */
class Restarting {
  readonly #workers: number;
  #worker: SimulationWorker | undefined;

  constructor(workers: number) {
    this.#workers = workers;
  }

  async run(options: SimulateOptions): Promise<MeasuredResult> {
    this.#worker ??= new SimulationWorker({ workers: this.#workers });
    try {
      return await this.#worker.run(options);
    } catch (error) {
      this.restart();
      const text = `seed ${options.seed} ended its process: ${errorText(error)}`;
      return { ...NO_RESULT, seed: options.seed, violations: [{ guarantee: "run-ends", text }] };
    }
  }

  restart(): void {
    this.#worker?.close();
    this.#worker = undefined;
  }

  close(): void {
    this.restart();
  }
}

const NO_RESULT: MeasuredResult = {
  seed: 0,
  violations: [],
  digest: "",
  simulatedMs: 0,
  operations: 0,
  faultsByKind: {},
  faultsMet: 0,
  cpuMs: 0,
  schedule: [],
  members: [],
  events: [],
};
