/** Waits for a condition, never for a time. */

const POLL_MS = 50;

/** Tries until it no longer throws; rejects with its last error, and `what` was waited for. */
export async function until<T>(
  what: string,
  limitMs: number,
  attempt: () => Promise<T>,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) {
        throw new Error(`${what}: not within ${limitMs} ms`, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
