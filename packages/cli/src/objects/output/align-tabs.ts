/**
 * Text with tabs as text with columns, as Go's text/tabwriter makes it ("elastic tabstops"): a
 * cell ends with a tab, and a column is as wide as the widest of the cells that stand directly above
 * each other in it. What follows a line's last tab belongs to no column. Pure.
 */

export interface TabStyle {
  /** Of a cell with its padding, in characters. */
  readonly minWidth: number;
  /** Spaces behind the widest cell. */
  readonly padding: number;
}

/** Of `get`. */
export const TABLE_STYLE: TabStyle = { minWidth: 6, padding: 3 };
/** Of `describe`. */
export const DESCRIBE_STYLE: TabStyle = { minWidth: 0, padding: 2 };

export function alignTabs(text: string, style: TabStyle): string {
  const rows = text.split("\n").map((line) => line.split("\t"));
  const widths = rows.map((cells) => cells.slice(0, -1).map(() => 0));
  setWidths(rows, widths, { style, column: 0, from: 0, to: rows.length });
  return rows
    .map((cells, row) =>
      cells
        .map((cell, column) => {
          const width = widths[row]?.[column];
          return width === undefined ? cell : cell + " ".repeat(width - lengthOf(cell));
        })
        .join(""),
    )
    .join("\n");
}

interface Block {
  readonly style: TabStyle;
  readonly column: number;
  readonly from: number;
  readonly to: number;
}

/** Finds each run of rows with a cell in `column`; within it, the runs of the next column. */
function setWidths(
  rows: readonly (readonly string[])[],
  widths: readonly number[][],
  { style, column, from, to }: Block,
): void {
  for (let start = from; start < to; start++) {
    let end = start;
    let widest = 0;
    while (end < to && column < (widths[end]?.length ?? 0)) {
      widest = Math.max(widest, lengthOf(rows[end]?.[column] ?? ""));
      end++;
    }
    if (end === start) continue;
    const width = Math.max(style.minWidth, widest + style.padding);
    for (let row = start; row < end; row++) {
      const cells = widths[row];
      if (cells) cells[column] = width;
    }
    setWidths(rows, widths, { style, column: column + 1, from: start, to: end });
    start = end;
  }
}

/** In code points, as Go counts them. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
