/** Moves a VirtualClock while promises settle in between: for components that wait on both. */
import type { VirtualClock } from "@sagong/base";

/** Turns of the event loop after which nothing in memory is under way any more. */
const TURNS = 4;

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Moves on by `durationMs`, timer by timer, each with what follows from it. */
export async function elapse(clock: VirtualClock, durationMs: number): Promise<void> {
  const untilMs = clock.monotonicMs() + durationMs;
  await settle();
  for (;;) {
    const nextMs = clock.nextAtMs();
    if (nextMs === undefined || nextMs > untilMs) break;
    clock.advance(Math.max(0, nextMs - clock.monotonicMs()));
    await settle();
  }
  clock.advance(untilMs - clock.monotonicMs());
  await settle();
}

/** Resolves when `condition` holds; rejects where it does not within `limitMs` of virtual time. */
export async function elapseUntil(
  clock: VirtualClock,
  condition: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const untilMs = clock.monotonicMs() + limitMs;
  await settle();
  while (!(await condition())) {
    const nextMs = clock.nextAtMs();
    if (nextMs === undefined || nextMs > untilMs) {
      throw new Error(
        `The condition did not come about within ${limitMs} ms: ${String(condition)}`,
      );
    }
    clock.advance(Math.max(0, nextMs - clock.monotonicMs()));
    await settle();
  }
}

/** Resolves with what `promise` comes to, moving time on as long as it has not. */
export async function whileElapsing<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let done = false;
  const settled = promise.finally(() => {
    done = true;
  });
  settled.catch(() => {}); // The caller gets it below.
  await elapseUntil(clock, () => done);
  return settled;
}
