/** What every Prometheus client library tells of its process, as far as the platform says it. */
import { readdirSync } from "node:fs";
import type { Clock } from "@sagong/base";
import type { Family } from "./prometheus-text.js";

export function processFamilies(clock: Clock): readonly Family[] {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  const openFiles = countOpenFiles();
  return [
    counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", {
      value: (user + system) / 1e6,
    }),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", { value: rss }),
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", {
      value: clock.wallMs() / 1_000 - process.uptime(),
    }),
    ...(openFiles === undefined
      ? []
      : [gauge("process_open_fds", "Number of open file descriptors.", { value: openFiles })]),
  ];
}

function counter(name: string, help: string, { value }: { readonly value: number }): Family {
  return { name, help, kind: "counter", samples: [{ labels: {}, value }] };
}

function gauge(name: string, help: string, { value }: { readonly value: number }): Family {
  return { name, help, kind: "gauge", samples: [{ labels: {}, value }] };
}

/** Undefined where the platform has no /proc. */
function countOpenFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined; // Then the metric is left out, as client libraries do.
  }
}
