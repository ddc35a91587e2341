/**
 * The text of `describe`: lines indented by level, with tabs where columns are to be aligned. What
 * all kinds have is written here (labels, times, events). Pure.
 */
import { compareText } from "@sagong/base";
import { ageOf, type Event, type KubeObject } from "@sagong/orchestrator/api";
import { alignTabs, DESCRIBE_STYLE } from "../output/align-tabs.js";

export class DescribeText {
  #text = "";

  line(level: number, text: string): void {
    this.#text += `${"  ".repeat(level)}${text}\n`;
  }

  /** `label:` and the value behind a tab. */
  field(level: number, label: string, value: string | number | boolean | undefined): void {
    this.line(level, `${label}:\t${String(value ?? "")}`);
  }

  /** `key=value` a line, in order of keys; `<none>` where there are none. */
  labels(level: number, label: string, values: Readonly<Record<string, string>> | undefined): void {
    this.#pairs(level, label, { values, separator: "=" });
  }

  /** `key: value` a line, without what `apply` records. */
  annotations(level: number, values: Readonly<Record<string, string>> | undefined): void {
    const shown = Object.entries(values ?? {}).filter(
      ([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration",
    );
    this.#pairs(level, "Annotations", { values: Object.fromEntries(shown), separator: ": " });
  }

  /** Name, namespace, labels and annotations. */
  identity({ metadata }: KubeObject): void {
    this.field(0, "Name", metadata.name);
    if (metadata.namespace !== undefined) this.field(0, "Namespace", metadata.namespace);
    this.labels(0, "Labels", metadata.labels);
    this.annotations(0, metadata.annotations);
  }

  /** Undefined: they were not asked for. */
  events(events: readonly Event[] | undefined, nowMs: number): void {
    if (!events) return;
    if (events.length === 0) {
      this.field(0, "Events", "<none>");
      return;
    }
    this.line(0, "Events:");
    this.line(1, "Type\tReason\tAge\tFrom\tMessage");
    this.line(1, "----\t------\t----\t----\t-------");
    for (const event of events) {
      const from = event.source?.component ?? event.reportingComponent ?? "";
      const message = (event.message ?? "").trim();
      this.line(1, [event.type, event.reason, eventAge(event, nowMs), from, message].join("\t"));
    }
  }

  /** As it was written. */
  raw(): string {
    return this.#text;
  }

  toString(): string {
    return alignTabs(this.#text, DESCRIBE_STYLE);
  }

  #pairs(
    level: number,
    label: string,
    {
      values,
      separator,
    }: {
      readonly values: Readonly<Record<string, string>> | undefined;
      readonly separator: string;
    },
  ): void {
    const entries = Object.entries(values ?? {}).toSorted(([a], [b]) => compareText(a, b));
    if (entries.length === 0) return this.field(level, label, "<none>");
    for (const [at, [key, value]] of entries.entries()) {
      const text = valueLines(key, value, separator);
      if (at === 0) this.line(level, `${label}:\t${text}`);
      // Without the level's indent, which the first column's width holds anyway.
      else this.line(0, `\t${text}`);
    }
  }
}

/** Beyond this a value of an annotation gets lines of its own, each of which is cut. */
const MAX_ANNOTATION = 140;

function valueLines(key: string, value: string, separator: string): string {
  if (separator === "=") return `${key}=${value}`;
  const text = value.replace(/\n$/, "");
  const isLong = text.length + key.length + 2 > MAX_ANNOTATION || text.includes("\n");
  if (!isLong) return `${key}${separator}${text}`;
  const longest = MAX_ANNOTATION - 2;
  const shown = text
    .split("\n")
    .map((line) => (line.length > longest ? `${line.slice(0, longest)}...` : line));
  return [`${key}:`, ...shown.map((line) => `\t  ${line}`)].join("\n");
}

function eventAge(event: Event, nowMs: number): string {
  const first = event.firstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
  const count = event.series?.count ?? event.count ?? 1;
  if (count <= 1) return ageOf(first, nowMs);
  const last = event.series?.lastObservedTime ?? event.lastTimestamp ?? first;
  return `${ageOf(last, nowMs)} (x${count} over ${ageOf(first, nowMs)})`;
}

/** `Mon, 02 Jan 2006 15:04:05 +0000`; `<unset>` where there is none. */
export function timeText(time: string | undefined): string {
  if (time === undefined) return "<unset>";
  return new Date(time).toUTCString().replace("GMT", "+0000");
}

export function orNone(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}

export function trueFalse(value: boolean | undefined): string {
  return value ? "True" : "False";
}

/** In order of their names. */
export function sortedEntries<T>(
  values: Readonly<Record<string, T>> | undefined,
): readonly (readonly [string, T])[] {
  return Object.entries(values ?? {}).toSorted(([a], [b]) => compareText(a, b));
}
