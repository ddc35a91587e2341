/** For tests that wait for what a world brings about, and know nothing of worlds. */
import type { SimulatedWorld } from "../src/world/simulated-world.js";

/** Milliseconds of the world at a time. */
const STEP_MS = 5;

/** Lets the world's time go on, as fast as it can, until the function that it returns is called. */
export function keepRunning(world: SimulatedWorld): () => Promise<void> {
  let isOver = false;
  const run = async (): Promise<void> => {
    while (!isOver) await world.runUntil(world.nowMs + STEP_MS);
  };
  const done = run();
  return async () => {
    isOver = true;
    await done;
  };
}
