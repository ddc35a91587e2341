import { KV_EXIT, KvError } from "../kv-error.js";
import { FIELDS_PRINTER } from "./fields-printer.js";
import { JSON_PRINTER } from "./json-printer.js";
import { PROTOBUF_PRINTER } from "./protobuf-printer.js";
import type { Pieces, Printer, Results } from "./results.js";
import { simplePrinter } from "./simple-printer.js";
import { TABLE_PRINTER } from "./table-printer.js";

/** Values of `--write-out`. */
export type OutputFormat = "simple" | "json" | "fields" | "table" | "protobuf";

export const OUTPUT_FORMATS: readonly OutputFormat[] = [
  "fields",
  "json",
  "protobuf",
  "simple",
  "table",
];

export function parseOutputFormat(text: string): OutputFormat {
  const format = OUTPUT_FORMATS.find((known) => known === text);
  if (format) return format;
  throw new KvError(KV_EXIT.unsupported, "unsupported output format");
}

/**
 * How results of a kind are shown. Throws `KvError` where the format cannot show them: ask before
 * the request is sent, so that nothing is written that cannot be reported.
 */
export function printerFor<Kind extends keyof Results>(
  kind: Kind,
  format: OutputFormat,
  options: { readonly isHex: boolean },
): (result: Results[Kind]) => Pieces {
  const printers: Readonly<Record<OutputFormat, Printer>> = {
    simple: simplePrinter(options),
    json: JSON_PRINTER,
    fields: FIELDS_PRINTER,
    table: TABLE_PRINTER,
    protobuf: PROTOBUF_PRINTER,
  };
  const print = printers[format][kind];
  if (print) return print;
  throw new KvError(KV_EXIT.unsupported, `${format} not supported as output format`);
}
