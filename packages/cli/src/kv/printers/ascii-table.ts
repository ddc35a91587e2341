type Row = readonly string[];

/** A table with a frame of `+`, `-` and `|`: headings in the middle, cells to the right. */
export function asciiTable(header: Row, rows: readonly Row[]): string {
  const widths = header.map((heading, i) =>
    Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const frame = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  const line = (row: Row, align: (text: string, width: number) => string): string =>
    `|${widths.map((width, i) => ` ${align(row[i] ?? "", width)} `).join("|")}|\n`;
  const body = rows.map((row) => line(row, (text, width) => text.padStart(width)));
  return [frame, line(header, centred), frame, ...body, frame].join("");
}

function centred(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return `${" ".repeat(left)}${text}`.padEnd(width);
}
