/**
 * A small registry of metrics and their Prometheus text (exposition format 0.0.4). It owns names,
 * label values and counts; what they mean is said where they are made (`store-metrics.ts`).
 *
 * Invariant: a metric's label names are fixed when it is made, and each set of label values is one
 * child, so that callers on a hot path keep the child and pay one addition.
 */
export interface Counter {
  increment(by?: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

export type Labels = Readonly<Record<string, string>>;

export interface MetricOptions {
  readonly name: string;
  readonly help: string;
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, without +Inf. */
  readonly buckets: readonly number[];
}

/** More label sets than this of one metric means that a label holds something unbounded. */
const CHILDREN_MAX = 1_000;

export class MetricsRegistry {
  readonly #families = new Map<string, Family>();

  counter(options: MetricOptions, labels: Labels = {}): Counter {
    return this.#child(options, "counter", labels, () => new Scalar());
  }

  gauge(options: MetricOptions, labels: Labels = {}): Gauge {
    return this.#child(options, "gauge", labels, () => new Scalar());
  }

  /** A counter or gauge whose value is asked for when the text is made. */
  read(options: MetricOptions & { kind: "counter" | "gauge" }, value: () => number): void {
    this.#child(options, options.kind, {}, () => new Reading(value));
  }

  histogram(options: HistogramOptions, labels: Labels = {}): Histogram {
    return this.#child(options, "histogram", labels, () => new Buckets(options.buckets));
  }

  /** The whole registry, families in order of name. */
  render(): string {
    let text = "";
    for (const name of [...this.#families.keys()].toSorted()) {
      const family = this.#families.get(name);
      if (!family) continue;
      text += `# HELP ${name} ${escapeHelp(family.help)}\n# TYPE ${name} ${family.kind}\n`;
      for (const [labels, child] of family.children) text += child.render(name, labels);
    }
    return text;
  }

  #child<T extends Child>(options: MetricOptions, kind: Kind, labels: Labels, make: () => T): T {
    let family = this.#families.get(options.name);
    if (!family) {
      family = { kind, help: options.help, children: new Map() };
      this.#families.set(options.name, family);
    }
    const key = labelText(labels);
    const existing = family.children.get(key);
    // One name is made by one kind of call, so its children are of that call's class.
    if (existing) return existing as T;
    if (family.kind !== kind || family.children.size >= CHILDREN_MAX) {
      throw new Error(
        `Cannot add ${kind} ${options.name}{${key}}: it is a ${family.kind} with ` +
          `${family.children.size} label sets, expected a ${kind} with below ${CHILDREN_MAX}`,
      );
    }
    const child = make();
    family.children.set(key, child);
    return child;
  }
}

type Kind = "counter" | "gauge" | "histogram";

interface Child {
  render(name: string, labels: string): string;
}

interface Family {
  readonly kind: Kind;
  readonly help: string;
  readonly children: Map<string, Child>;
}

class Scalar implements Counter, Gauge, Child {
  #value = 0;

  increment(by = 1): void {
    this.#value += by;
  }

  set(value: number): void {
    this.#value = value;
  }

  render(name: string, labels: string): string {
    return sample(name, labels, this.#value);
  }
}

class Reading implements Child {
  readonly #value: () => number;

  constructor(value: () => number) {
    this.#value = value;
  }

  render(name: string, labels: string): string {
    return sample(name, labels, this.#value());
  }
}

class Buckets implements Histogram, Child {
  readonly #bounds: readonly number[];
  /** Not cumulative; the last counts what is above every bound. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    let slot = 0;
    while (slot < this.#bounds.length && value > (this.#bounds[slot] ?? 0)) slot++;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  render(name: string, labels: string): string {
    let text = "";
    let total = 0;
    const separator = labels === "" ? "" : ",";
    for (const [slot, count] of this.#counts.entries()) {
      total += count;
      const bound = this.#bounds[slot];
      const le = bound === undefined ? "+Inf" : numberText(bound);
      text += sample(`${name}_bucket`, `${labels}${separator}le="${le}"`, total);
    }
    return text + sample(`${name}_sum`, labels, this.#sum) + sample(`${name}_count`, labels, total);
  }
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

function labelText(labels: Labels): string {
  return Object.keys(labels)
    .toSorted()
    .map((name) => `${name}="${escapeLabel(labels[name] ?? "")}"`)
    .join(",");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** Bounds `start, start*factor, …`, `count` of them, as etcd's histograms have them. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(12)));
}
