/** The fault matrix as a table: each thing that can go wrong, by which fault it does, what is promised. */
import { FAULTS } from "./catalogue.js";
import type { Fault } from "./fault.js";

/** Markdown, as docs/ has it and `npm run simulate -- --list-faults` prints it. */
export function renderCatalogue(faults: readonly Fault[] = FAULTS): string {
  const rows = faults.flatMap((fault) =>
    fault.items.map((item) => {
      const isCovered = fault.isCovered === true;
      const name = isCovered ? `\`${fault.name}\`` : "not covered";
      const text = fault.isCovered === true ? fault.promise : fault.isCovered;
      return `| ${[fault.group, item, name, text].map(escaped).join(" | ")} |`;
    }),
  );
  return [
    "| Group | What goes wrong | Fault | Promise, or why it is not covered |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
