/**
 * A run as shapes on lanes over time, for a page to draw: what each member was (role and term, or
 * down), faults and calls of clients as spans, messages as arrows, the rest as single events. Pure:
 * nothing here knows of pixels, colours or HTML.
 *
 * T1 every event of the run is drawn, listed, or counted in `leftOut`.
 */
import { describeOperation, describeRequest } from "../check/describe-operation.js";
import type { History, Operation, Violation } from "../history/history.js";
import type { TraceEvent, TraceKind } from "../trace/trace.js";
import { cleanText } from "./clean-text.js";
import { withClients } from "./client-events.js";
import { type MemberState, MemberStates } from "./member-states.js";
import type { RecordedRun } from "./recorded-run.js";

export interface Timeline {
  readonly title: string;
  readonly durationMs: number;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly schedule: readonly string[];
  readonly violations: readonly Violation[];
  readonly lanes: readonly Lane[];
  readonly spans: readonly Span[];
  readonly arrows: readonly Arrow[];
  /** All but messages; of faults, members and clients also those that the spans are made of. */
  readonly events: readonly TraceEvent[];
  readonly leftOut: { readonly messages: number; readonly events: number };
}

export interface Lane {
  readonly name: string;
  readonly kind: "faults" | "member" | "client";
  /** How many of its spans lie above each other. */
  readonly rows: number;
}

export interface Span {
  readonly lane: number;
  readonly row: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly kind: TraceKind;
  /** Of a member its role, or `down`; of a call how it ended; of a fault, `fault`. */
  readonly style: string;
  readonly term?: number;
  /** Short, for within the span. */
  readonly label: string;
  /** For who looks closer. */
  readonly text: string;
}

export interface Arrow {
  readonly from: number;
  readonly to: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isLost: boolean;
  readonly text: string;
}

/** A page with more is slow to open. The messages and events nearest to the violation stay. */
const ARROWS_MAX = 100_000;
const EVENTS_MAX = 100_000;
/** What lies deeper is drawn in the last row, over the others: a hundred watches are no news. */
const ROWS_MAX = { fault: 12, client: 4 };

export function timelineOf(run: RecordedRun): Timeline {
  const { events, members, durationMs, violations } = run;
  const anchorMs =
    events.find(({ kind }) => kind === "violation")?.atMs ??
    violations.find(({ atMs }) => atMs !== undefined)?.atMs ??
    durationMs;
  const calls = run.history === undefined ? tracedCalls(events) : historyCalls(run.history);
  const clients = [...new Set(calls.map(({ who }) => who))].toSorted();
  const names = ["", ...members, ...clients];
  const laneOf = new Map(names.map((name, i) => [name, i]));
  const drafts = [
    ...faultDrafts(events),
    ...memberDrafts(events, { members, durationMs }),
    ...calls,
  ];
  const { spans, rows } = placed(drafts, { laneOf, durationMs });
  const arrows = arrowsOf(events, laneOf);
  const others = withClients(events, run.history)
    .filter(({ kind }) => kind !== "message")
    .map((event) => ({ ...event, text: cleanText(event.text) }));
  const keptArrows = nearest(arrows, { count: ARROWS_MAX, anchorMs, atMs: ({ fromMs }) => fromMs });
  const keptEvents = nearest(others, { count: EVENTS_MAX, anchorMs, atMs: ({ atMs }) => atMs });
  return {
    title: run.title,
    durationMs,
    facts: run.facts ?? [],
    schedule: run.schedule ?? [],
    violations,
    lanes: names.map((name, i) => ({
      name: i === 0 ? "faults" : name,
      kind: i === 0 ? "faults" : i <= members.length ? "member" : "client",
      rows: rows[i] ?? 1,
    })),
    spans,
    arrows: keptArrows,
    events: keptEvents,
    leftOut: {
      messages: arrows.length - keptArrows.length,
      events: others.length - keptEvents.length,
    },
  };
}

/** A span that has no row yet; without an end it lasts until the run's. */
type Draft = Omit<Span, "lane" | "row" | "toMs"> & {
  readonly who: string;
  readonly toMs: number | undefined;
};

function faultDrafts(events: readonly TraceEvent[]): Draft[] {
  return pairs(events, "fault").map(({ begin, end }) => ({
    who: "",
    fromMs: begin.atMs,
    toMs: end?.atMs,
    kind: "fault",
    style: "fault",
    label: begin.text,
    text: begin.who === undefined ? begin.text : `${begin.who}: ${begin.text}`,
  }));
}

function memberDrafts(
  events: readonly TraceEvent[],
  { members, durationMs }: { readonly members: readonly string[]; readonly durationMs: number },
): Draft[] {
  const states = new MemberStates();
  const since = new Map<string, number>();
  const drafts: Draft[] = [];
  const close = (who: string, toMs: number): void => {
    const fromMs = since.get(who);
    if (fromMs !== undefined) drafts.push(memberDraft(states.of(who), { who, fromMs, toMs }));
  };
  for (const event of events) {
    const { who, atMs } = event;
    if (who === undefined || !members.includes(who)) continue;
    if (event.kind !== "raft" && event.kind !== "process") continue;
    const before = states.of(who);
    const fromMs = since.get(who);
    if (!states.add(event)) continue;
    if (fromMs !== undefined && atMs > fromMs) {
      drafts.push(memberDraft(before, { who, fromMs, toMs: atMs }));
    }
    since.set(who, atMs);
  }
  for (const who of since.keys()) close(who, durationMs);
  return drafts;
}

function memberDraft(
  { role, term, isDown }: MemberState,
  span: { readonly who: string; readonly fromMs: number; readonly toMs: number },
): Draft {
  const style = isDown ? "down" : (role ?? "started");
  const label = term === undefined || isDown ? style : `${style} t${term}`;
  return {
    ...span,
    kind: "raft",
    style,
    ...(term === undefined || isDown ? {} : { term }),
    label,
    text: `${span.who}: ${label}`,
  };
}

function historyCalls({ operations, watches, leases }: History): Draft[] {
  const nextMs = nextCalls(operations);
  return [
    ...operations.map((operation): Draft => ({
      who: operation.client,
      fromMs: operation.calledMs,
      toMs: operation.returnedMs ?? nextMs.get(operation),
      kind: "client",
      style: operation.outcome.kind,
      label: describeRequest(operation.request),
      text: describeOperation(operation),
    })),
    ...watches.map(({ client, member, key, rangeEnd, startRevision, ...watch }): Draft => {
      const end = rangeEnd === "\0" ? "…" : rangeEnd;
      const keys = end === undefined ? key : `[${key === "\0" ? "" : key}, ${end})`;
      const count = watch.responses.reduce((sum, { events }) => sum + events.length, 0);
      return {
        who: client,
        fromMs: watch.createdMs,
        toMs: watch.reachedEnd ? undefined : (watch.responses.at(-1)?.atMs ?? watch.createdMs),
        kind: "client",
        style: "watch",
        label: `watch ${keys}`,
        text: `watch ${keys} from ${startRevision} (${member}): ${count} events`,
      };
    }),
    ...leases.map(({ client, id, ttlMs, keys, ...lease }): Draft => {
      const last = lease.renewals.findLast(({ answeredMs }) => answeredMs !== undefined);
      const heldMs = last?.answeredMs ?? lease.grantedMs ?? lease.grantCalledMs;
      return {
        who: client,
        fromMs: lease.grantCalledMs,
        toMs: lease.revoke?.answeredMs ?? heldMs + (last?.ttlMs ?? ttlMs),
        kind: "client",
        style: "lease",
        label: `lease ${id}`,
        text: `lease ${id}, ${ttlMs} ms, ${lease.renewals.length} renewals, keys ${keys.join(", ")}`,
      };
    }),
  ];
}

/** When a client that had no answer went on: until then it waited, as far as one can see. */
function nextCalls(operations: readonly Operation[]): Map<Operation, number> {
  const next = new Map<Operation, number>();
  const following = new Map<string, number>();
  for (const operation of operations.toSorted((a, b) => b.calledMs - a.calledMs)) {
    const laterMs = following.get(operation.client);
    if (laterMs !== undefined) next.set(operation, laterMs);
    following.set(operation.client, operation.calledMs);
  }
  return next;
}

function tracedCalls(events: readonly TraceEvent[]): Draft[] {
  return pairs(events, "client").map(({ begin, end }) => ({
    who: begin.who ?? "clients",
    fromMs: begin.atMs,
    toMs: end?.atMs,
    kind: "client",
    style: end?.phase === "end" ? "answered" : "unknown",
    label: begin.text,
    text: end === undefined ? begin.text : `${begin.text}: ${end.text}`,
  }));
}

function arrowsOf(events: readonly TraceEvent[], laneOf: ReadonlyMap<string, number>): Arrow[] {
  return pairs(events, "message").flatMap(({ begin, end }) => {
    const from = laneOf.get(begin.who ?? "");
    const to = laneOf.get(begin.to ?? "");
    if (!from || !to) return [];
    const isLost = end?.phase === "lost";
    return [
      {
        from,
        to,
        fromMs: begin.atMs,
        toMs: end?.atMs ?? begin.atMs,
        isLost,
        text: cleanText(begin.text),
      },
    ];
  });
}

/** What begins, each with its end where there is one; what has no number is over at once. */
function pairs(
  events: readonly TraceEvent[],
  kind: TraceKind,
): { readonly begin: TraceEvent; readonly end: TraceEvent | undefined }[] {
  const found: { begin: TraceEvent; end: TraceEvent | undefined }[] = [];
  const open = new Map<number, { begin: TraceEvent; end: TraceEvent | undefined }>();
  for (const event of events) {
    if (event.kind !== kind) continue;
    const { phase, pair } = event;
    if (phase === "begin") {
      const one = { begin: event, end: undefined };
      found.push(one);
      if (pair !== undefined) open.set(pair, one);
      continue;
    }
    const begun = pair === undefined ? undefined : open.get(pair);
    // Lost as it was sent, or begun before the first event that was kept.
    if (begun === undefined) {
      if (phase === "lost" && event.to !== undefined) found.push({ begin: event, end: event });
      continue;
    }
    begun.end = event;
    if (pair !== undefined) open.delete(pair);
  }
  return found;
}

/** Gives each span of a lane the first row that is free from its beginning on. */
function placed(
  drafts: readonly Draft[],
  { laneOf, durationMs }: { laneOf: ReadonlyMap<string, number>; durationMs: number },
): { readonly spans: Span[]; readonly rows: number[] } {
  const ends = new Map<number, number[]>();
  const spans: Span[] = [];
  for (const { who, ...draft } of drafts.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const lane = laneOf.get(who);
    if (lane === undefined) continue;
    const toMs = Math.max(draft.fromMs, draft.toMs ?? durationMs);
    const [label, text] = [cleanText(draft.label), cleanText(draft.text)];
    const rows = ends.get(lane) ?? [];
    const rowsMax = draft.kind === "fault" ? ROWS_MAX.fault : ROWS_MAX.client;
    ends.set(lane, rows);
    const free = rows.findIndex((endMs) => endMs <= draft.fromMs);
    const row = free === -1 ? Math.min(rows.length, rowsMax - 1) : free;
    rows[row] = Math.max(rows[row] ?? 0, toMs);
    spans.push({ ...draft, lane, row, toMs, label, text });
  }
  return { spans, rows: [...laneOf.values()].map((lane) => ends.get(lane)?.length ?? 1) };
}

/** The `count` items that are nearest to a moment, in their order. */
function nearest<T>(
  items: readonly T[],
  options: {
    readonly count: number;
    readonly anchorMs: number;
    readonly atMs: (item: T) => number;
  },
): readonly T[] {
  const { count, anchorMs, atMs } = options;
  if (items.length <= count) return items;
  let [from, to] = [0, items.length];
  // Both ends are taken from until few enough are left: items are in order of time.
  while (to - from > count) {
    const first = items[from];
    const last = items[to - 1];
    if (first === undefined || last === undefined) break;
    if (Math.abs(atMs(first) - anchorMs) > Math.abs(atMs(last) - anchorMs)) from++;
    else to--;
  }
  return items.slice(from, to);
}
