/**
 * How late the event loop is, under the names that Node's own dashboards know. A member whose loop
 * stalls answers nobody meanwhile, so this is the first figure to look at.
 *
 * Invariant: the three gauges of one scrape are of one time: since the scrape before. The registry
 * renders families in order of name, and the first of them takes the reading for all.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MetricsRegistry } from "./metrics.js";

/** How often the loop is looked at: 100 wake-ups a second, a thousandth of a core. */
const RESOLUTION_MS = 10;
const NANOS_PER_MS = 1e6;

/** Watches the event loop until what it returns is called. */
export function registerEventLoopLag(registry: MetricsRegistry): () => void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let last = { max: 0, p50: 0, p99: 0 };
  const gauge = (which: string, help: string, value: () => number): void =>
    registry.read({ name: `nodejs_eventloop_lag_${which}_seconds`, help, kind: "gauge" }, value);
  gauge("max", "The largest event loop delay since the last scrape.", () => {
    last = {
      max: lagSeconds(histogram.max),
      p50: lagSeconds(histogram.percentile(50)),
      p99: lagSeconds(histogram.percentile(99)),
    };
    histogram.reset();
    return last.max;
  });
  gauge("p50", "The 50th percentile of event loop delays since the last scrape.", () => last.p50);
  gauge("p99", "The 99th percentile of event loop delays since the last scrape.", () => last.p99);
  return () => void histogram.disable();
}

/** Node records the whole time between two looks, of which the loop is late by what is above. */
function lagSeconds(nanos: number): number {
  return Math.max(0, nanos / NANOS_PER_MS - RESOLUTION_MS) / 1_000;
}
