import type { Clock, Timer } from "@sagong/base";

/** The platform's time. Its timers keep the process alive until they fire or are cancelled. */
export function realClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    schedule(delayMs: number, callback: () => void): Timer {
      const handle = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
