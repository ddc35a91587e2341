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

/** The same, but for timers that keep no process alive: for those who only watch over others. */
export function backgroundClock(): Clock {
  return {
    ...realClock(),
    schedule(delayMs: number, callback: () => void): Timer {
      const handle = setTimeout(callback, delayMs).unref();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
