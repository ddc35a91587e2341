/**
 * Counts and times of the requests that were answered, under kube-apiserver's names and labels.
 *
 * Invariant: labels come from the served resources and fixed words, never from what a client wrote;
 * so there are at most a few thousand sets of them.
 */
import type { Family, Labels, Sample } from "./prometheus-text.js";

export interface AnsweredRequest {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: "" | "cluster" | "namespace" | "resource";
  readonly dryRun: string;
  readonly code: number;
  /** Undefined for watches and logs, which last as long as their clients want. */
  readonly seconds: number | undefined;
}

/** kube-apiserver's, of apiserver_request_duration_seconds. */
const BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60,
];

interface Durations {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

export class RequestMetrics {
  readonly #totals = new Map<string, { readonly labels: Labels; value: number }>();
  readonly #durations = new Map<string, Durations>();

  record(answered: AnsweredRequest): void {
    const { code, seconds, dryRun, ...rest } = answered;
    const labels = { component: "apiserver", dry_run: dryRun, ...rest };
    const total = known(this.#totals, { ...labels, code: String(code) }, (own) => ({
      labels: own,
      value: 0,
    }));
    total.value++;
    if (seconds === undefined) return;
    const durations = known(this.#durations, labels, (own) => ({
      labels: own,
      counts: BUCKETS.map(() => 0),
      sum: 0,
      count: 0,
    }));
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    if (at >= 0) durations.counts[at] = (durations.counts[at] ?? 0) + 1;
    durations.sum += seconds;
    durations.count++;
  }

  families(): readonly Family[] {
    return [
      {
        name: "apiserver_request_total",
        help: "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
        kind: "counter",
        samples: [...this.#totals.values()],
      },
      {
        name: "apiserver_request_duration_seconds",
        help: "Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
        kind: "histogram",
        samples: [...this.#durations.values()].flatMap(samplesOf),
      },
    ];
  }
}

function samplesOf({ labels, counts, sum, count }: Durations): Sample[] {
  let below = 0;
  const buckets = BUCKETS.map((bound, i): Sample => {
    below += counts[i] ?? 0;
    return { suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: below };
  });
  return [
    ...buckets,
    { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
    { suffix: "_sum", labels, value: sum },
    { suffix: "_count", labels, value: count },
  ];
}

function known<T>(children: Map<string, T>, labels: Labels, make: (labels: Labels) => T): T {
  const key = Object.values(labels).join("\0");
  const child = children.get(key) ?? make(labels);
  children.set(key, child);
  return child;
}
