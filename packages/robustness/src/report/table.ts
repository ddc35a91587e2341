/**
 * A run as text: one aligned row per event, one narrow lane per member with what it is at that
 * moment, so that an election or a cut can be followed down a column. Only the rows around the
 * violation are written (or the last ones), and what was left out is counted.
 *
 *      time  m1    m2    m3    kind
 *    8.850s  L3    f3    f3    fault    ┌ network/cut m1 from m2, m3
 *    9.001s  L3    p3*   f3    raft       m2 pre-candidate, term 3
 */
import type { History, Violation } from "../history/history.js";
import type { TraceEvent, TraceKind, TraceRole } from "../trace/trace.js";
import { cleanText, fitText, textWidth } from "./clean-text.js";
import { withClients } from "./client-events.js";
import { type MemberState, MemberStates } from "./member-states.js";

export interface TableOptions {
  /** The lanes, in their order. */
  readonly members: readonly string[];
  readonly violations?: readonly Violation[];
  /** Its operations get rows, too: each where its answer came. */
  readonly history?: History;
  /** Columns of the terminal; rows are cut there. 120 unless told. */
  readonly width?: number;
  /** Escape sequences of colour. */
  readonly isColored?: boolean;
  /** What gets a row: everything but messages unless told, for they outnumber all others. */
  readonly kinds?: readonly TraceKind[];
  /** Rows at most: three quarters up to the violation, the others behind it. 200 unless told. */
  readonly rowsMax?: number;
}

const WIDTH_COLUMNS = 120;
const ROWS_MAX = 200;
/** Of the rows, how many lead up to the violation: causes are of more interest than consequences. */
const SHARE_BEFORE = 0.75;
/** A narrower text says nothing; the row then grows wider than the terminal. */
const TEXT_COLUMNS_MIN = 24;
const KIND_COLUMNS = 10;
const ALL_BUT_MESSAGES: readonly TraceKind[] = [
  "fault",
  "process",
  "raft",
  "client",
  "disk",
  "violation",
];
const LETTERS: Readonly<Record<TraceRole, string>> = {
  leader: "L",
  follower: "f",
  candidate: "c",
  "pre-candidate": "p",
};
const LEGEND =
  "L leader, f follower, c candidate, p pre-candidate, with the term; down; * here, > sends, < receives";

/** Lines, each ended by a newline. */
export function renderTable(events: readonly TraceEvent[], options: TableOptions): string {
  const { members, violations = [], isColored = false } = options;
  const { rows, before, within, after } = choose(withClients(events, options.history), options);
  const digits = digitsOf(rows);
  const heads = ["time", ...members.map(cleanText)];
  const cells = rows.map(({ event, states }) => [
    formatTime(event.atMs, digits),
    ...members.map((member, i) => cellOf(event, { member, state: states[i] })),
  ]);
  const widths = heads.map((head, i) =>
    Math.max(textWidth(head), ...cells.map((row) => textWidth(row[i] ?? ""))),
  );
  const lanes = (row: readonly string[]): string =>
    row
      .map((cell, i) =>
        i === 0 ? cell.padStart(Math.max(10, widths[0] ?? 0)) : fitText(cell, widths[i] ?? 0),
      )
      .join("  ");
  const head = `${lanes(heads)}  ${fitText("kind", KIND_COLUMNS)}`;
  const textColumns = Math.max(
    TEXT_COLUMNS_MIN,
    (options.width ?? WIDTH_COLUMNS) - textWidth(head),
  );
  const lines = rows.map(({ event }, i) => {
    const start = `${lanes(cells[i] ?? [])}  ${fitText(event.kind, KIND_COLUMNS)}`;
    const text = fitText(textOf(event), textColumns).trimEnd();
    return paint(`${start}${text}`.trimEnd(), isColored ? COLORS[event.kind] : undefined);
  });
  return [
    ...violations.map((violation) =>
      paint(violationLine(violation), isColored ? COLORS.violation : undefined),
    ),
    head.trimEnd(),
    ...leftOut(before, "earlier"),
    ...lines,
    ...leftOut(within, "other"),
    ...leftOut(after, "later"),
    LEGEND,
    "",
  ].join("\n");
}

interface Row {
  readonly event: TraceEvent;
  /** Of every lane, as the event left it. */
  readonly states: readonly MemberState[];
}

type Counts = Map<TraceKind, number>;

interface Chosen {
  readonly rows: readonly Row[];
  /** What has no row: earlier, in between (of kinds that get none), later. */
  readonly before: Counts;
  readonly within: Counts;
  readonly after: Counts;
}

function choose(
  events: readonly TraceEvent[],
  { kinds = ALL_BUT_MESSAGES, members, violations = [], rowsMax = ROWS_MAX }: TableOptions,
): Chosen {
  const shown = [...events.keys()].filter((i) => kinds.includes(events[i]?.kind ?? "message"));
  const anchor = anchorOf(events, { shown, violations });
  const up = Math.floor(rowsMax * SHARE_BEFORE);
  // Where one side has fewer rows than its share, the other takes the rest.
  const first = Math.max(0, Math.min(anchor - up + 1, shown.length - rowsMax));
  const chosen = shown.slice(first, first + rowsMax);
  const [from, to] = [chosen[0] ?? events.length, chosen.at(-1) ?? events.length];
  const states = new MemberStates();
  const rows: Row[] = [];
  const counts: Omit<Chosen, "rows"> = { before: new Map(), within: new Map(), after: new Map() };
  for (const [i, event] of events.entries()) {
    states.add(event);
    if (i < from) count(counts.before, event.kind);
    else if (i > to) count(counts.after, event.kind);
    else if (!kinds.includes(event.kind)) count(counts.within, event.kind);
    else rows.push({ event, states: members.map((member) => states.of(member)) });
  }
  return { rows, ...counts };
}

/** Position in `shown` of what the rows are to lead up to. */
function anchorOf(
  events: readonly TraceEvent[],
  { shown, violations }: { shown: readonly number[]; violations: readonly Violation[] },
): number {
  const marked = shown.findIndex((i) => events[i]?.kind === "violation");
  if (marked !== -1) return marked;
  const atMs = violations[0]?.atMs;
  const later = shown.findIndex((i) => atMs !== undefined && (events[i]?.atMs ?? 0) > atMs);
  return later === -1 ? shown.length - 1 : later - 1;
}

function count(counts: Counts, kind: TraceKind): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

function leftOut(counts: Counts, which: string): string[] {
  if (counts.size === 0) return [];
  const parts = [...counts].toSorted(([, a], [, b]) => b - a).map(([kind, n]) => `${n} ${kind}`);
  const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
  return [`… ${all} ${which} events left out (${parts.join(", ")})`];
}

/** Digits behind the point of a second: of microseconds where there is more than milliseconds. */
function digitsOf(rows: readonly Row[]): number {
  return rows.some(({ event: { atMs } }) => !Number.isInteger(atMs)) ? 6 : 3;
}

function formatTime(atMs: number, digits = 3): string {
  return `${(atMs / 1000).toFixed(digits)}s`;
}

function cellOf(
  event: TraceEvent,
  { member, state }: { readonly member: string; readonly state: MemberState | undefined },
): string {
  const now = stateText(state);
  if (event.kind === "message") {
    const isArrival = event.phase !== undefined && event.phase !== "begin";
    if (event.who === member && !isArrival) return `${now}>`;
    return event.to === member && isArrival ? `${now}<` : now;
  }
  const isHere = event.who === member || (event.kind === "client" && event.to === member);
  return isHere ? `${now}*` : now;
}

function stateText(state: MemberState | undefined): string {
  if (state?.isDown === true) return "down";
  if (state?.role === undefined) return state?.term === undefined ? "-" : `?${state.term}`;
  return `${LETTERS[state.role]}${state.term ?? ""}`;
}

function textOf(event: TraceEvent): string {
  const marks = { begin: "┌ ", end: "└ ", lost: "✗ " };
  const who =
    event.who === undefined ? "" : `${event.who}${event.to === undefined ? "" : `→${event.to}`} `;
  // The members' own lines name themselves already where a message is described.
  const head = event.text.startsWith(who.trimEnd()) ? "" : who;
  return cleanText(`${event.phase === undefined ? "  " : marks[event.phase]}${head}${event.text}`);
}

function violationLine({ guarantee, text, atMs }: Violation): string {
  const at = atMs === undefined ? "" : ` at ${formatTime(atMs)}`;
  // What a checker says may be of several lines, each of which is cleaned by itself.
  const lines = text.split("\n").map(cleanText);
  return `violated: ${cleanText(guarantee)}${at}: ${lines.join("\n  ")}`;
}

const ESCAPE = "\u001b[";
const COLORS: Readonly<Record<TraceKind, string | undefined>> = {
  fault: "33",
  process: "35",
  raft: "36",
  message: "2",
  client: undefined,
  disk: "34",
  violation: "1;31",
};

function paint(line: string, color: string | undefined): string {
  return color === undefined ? line : `${ESCAPE}${color}m${line}${ESCAPE}0m`;
}
