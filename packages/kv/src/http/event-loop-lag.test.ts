import { describe, expect, it } from "vitest";
import { registerEventLoopLag } from "./event-loop-lag.js";
import { MetricsRegistry } from "./metrics.js";

const STALL_MS = 60;

function gauges(registry: MetricsRegistry): Record<string, number> {
  const samples = registry.render().matchAll(/^nodejs_eventloop_lag_(\w+)_seconds (\S+)$/gm);
  return Object.fromEntries([...samples].map(([, which, value]) => [which, Number(value)]));
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 11));
}

describe("registerEventLoopLag()", () => {
  it("gauges tell of a stall since the last scrape, and forget it with the next", async () => {
    const registry = new MetricsRegistry();
    const stop = registerEventLoopLag(registry);
    await turns(3);
    const began = performance.now();
    while (performance.now() - began < STALL_MS);
    await turns(3);
    const stalled = gauges(registry);
    expect(Object.keys(stalled)).toEqual(["max", "p50", "p99"]);
    expect(stalled["max"]).toBeGreaterThan((STALL_MS - 11) / 1_000);
    expect(stalled["p99"]).toBeLessThanOrEqual(stalled["max"] ?? 0);
    // Nothing was recorded since: the busy machine cannot matter.
    expect(gauges(registry)["max"]).toBeLessThan(stalled["max"] ?? 0);
    stop();
  });
});
