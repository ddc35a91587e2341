/**
 * How soon V8 collects the old generation of this process. By itself it lets a heap grow by a factor
 * before it marks it again, and counts array buffers to the growth: a small heap (a store's is some
 * 20 MB) through which megabytes of messages pass a second is marked five times a second, by four
 * threads. Measured on a store with 1,000 puts in flight: a quarter of all CPU, 33 → 25 µs a put.
 *
 * So a small heap may grow by `GROWTH_BYTES` before it is marked; a large one is left to V8.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import type { Clock, Timer } from "@sagong/base";

/** What a process may hold in vain, at most; V8's own choice for a heap that is as large as that. */
const GROWTH_BYTES = 128 * 1024 * 1024;
const GROWTH_PERCENT_MAX = 500;
/** Below it V8 decides: its factor follows from how long collecting takes. */
const GROWTH_PERCENT_MIN = 100;
/** A heap takes longer than that to become large. */
const LOOK_INTERVAL_MS = 1_000;

/** Holds the pace until what it returns is called. One at a time in a process. */
export function keepCollectorPace(clock: Clock): () => void {
  let set = 0;
  let timer: Timer;
  const look = (): void => {
    const percent = growthPercent(getHeapStatistics().used_heap_size);
    if (percent !== set) setFlagsFromString(`--heap-growing-percent=${percent}`);
    set = percent;
    timer = clock.schedule(LOOK_INTERVAL_MS, look);
  };
  look();
  return () => {
    timer.cancel();
    if (set !== 0) setFlagsFromString("--heap-growing-percent=0");
  };
}

/** 0 leaves it to V8. In steps, so that the flag is seldom set. */
export function growthPercent(heapBytes: number): number {
  const percent = Math.floor(GROWTH_BYTES / heapBytes) * 100;
  return percent < GROWTH_PERCENT_MIN ? 0 : Math.min(GROWTH_PERCENT_MAX, percent);
}
