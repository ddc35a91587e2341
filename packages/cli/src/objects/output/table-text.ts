/** Tables of the server as text. Pure. */
import type { KubeObject } from "@sagong/orchestrator/api";
import type { Table, TableRow } from "../session/api-calls.js";
import { alignTabs, TABLE_STYLE } from "./align-tabs.js";

export interface TableView {
  readonly wide: boolean;
  readonly headers: boolean;
  readonly withNamespace: boolean;
  /** Put before names, as `pod/`; left out where one kind is shown. */
  readonly kind?: string | undefined;
  readonly labelColumns: readonly string[];
  readonly showLabels: boolean;
}

/** Cells joined by tabs, headers first where the view has them; not yet aligned. */
export function tableLines(
  columns: Table["columnDefinitions"],
  rows: readonly TableRow[],
  view: TableView,
): readonly string[] {
  const shown = columns
    .map((column, at) => ({ ...column, at }))
    .filter(({ priority = 0 }) => view.wide || priority === 0);
  const headers = [
    ...(view.withNamespace ? ["NAMESPACE"] : []),
    ...shown.map(({ name }) => name.toUpperCase()),
    ...view.labelColumns.map((label) => (label.split("/").at(-1) ?? "").toUpperCase()),
    ...(view.showLabels ? ["LABELS"] : []),
  ];
  const lines = rows.map(({ cells, object }) =>
    [
      ...(view.withNamespace ? [object?.metadata.namespace ?? ""] : []),
      ...shown.map(({ at, name }) => {
        const text = cellText(cells[at]);
        return name.toLowerCase() === "name" && view.kind !== undefined
          ? `${view.kind}/${text}`
          : text;
      }),
      ...view.labelColumns.map((label) => object?.metadata.labels?.[label] ?? ""),
      ...(view.showLabels ? [labelsText(object)] : []),
    ].join("\t"),
  );
  return view.headers ? [headers.join("\t"), ...lines] : lines;
}

/** With its newline; empty where there are no lines. */
export function alignedTable(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${alignTabs(lines.join("\n"), TABLE_STYLE)}\n`;
}

/**
 * Rows that come one by one keep the columns of the rows before them: a column only widens. Each
 * line ends with its newline.
 */
export class StreamedTable {
  #widths: number[] = [];

  add(line: string): string {
    const cells = line.split("\t");
    return `${cells
      .map((cell, at) => {
        if (at === cells.length - 1) return cell;
        const least = Math.max(
          TABLE_STYLE.minWidth,
          cell.length + TABLE_STYLE.padding,
          this.#widths[at] ?? 0,
        );
        this.#widths[at] = least;
        return cell.padEnd(least);
      })
      .join("")}\n`;
  }

  /** The rows that are there first, aligned among themselves. */
  addAll(lines: readonly string[]): string {
    for (const line of lines) this.add(line);
    return lines.map((line) => this.add(line)).join("");
  }
}

/** Only the first line of a text: a table has one line a row. */
function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "";
  const text = typeof cell === "string" ? cell : JSON.stringify(cell);
  const end = text.search(/[\f\n\r]/);
  return (end < 0 ? text : `${text.slice(0, end)}...`).replaceAll("\t", "\\t");
}

function labelsText(object: KubeObject | undefined): string {
  const labels = Object.entries(object?.metadata.labels ?? {});
  if (labels.length === 0) return "<none>";
  return labels
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(",");
}
