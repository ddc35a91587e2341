/** What `-o` asks for. Pure. */
import { CommandError } from "../session/errors.js";
import {
  parseJsonPath,
  parseRelaxedPath,
  type Path,
  type TemplateNode,
} from "./parse-json-path.js";

export interface CustomColumn {
  readonly header: string;
  readonly path: Path;
}

export type OutputFormat =
  | { readonly kind: "table"; readonly wide: boolean }
  | { readonly kind: "json" }
  | { readonly kind: "yaml" }
  | { readonly kind: "name" }
  | { readonly kind: "jsonpath"; readonly template: readonly TemplateNode[] }
  | { readonly kind: "columns"; readonly columns: readonly CustomColumn[] };

const KNOWN = ["custom-columns", "json", "jsonpath", "name", "wide", "yaml"];

/** Throws `CommandError`, and `JsonPathError` for its template. */
export function parseOutputFormat(text: string | undefined): OutputFormat {
  const [kind = "", ...rest] = (text ?? "").split("=");
  const argument = rest.join("=");
  switch (kind) {
    case "":
      return { kind: "table", wide: false };
    case "wide":
      return { kind: "table", wide: true };
    case "json":
    case "yaml":
    case "name":
      return { kind };
    case "jsonpath":
      if (argument === "")
        throw new CommandError("template format specified but no template given");
      return { kind, template: parseJsonPath(argument) };
    case "custom-columns":
      return { kind: "columns", columns: customColumns(argument) };
    default:
      throw new CommandError(
        `unable to match a printer suitable for the output format "${text}", allowed formats are: ${KNOWN.join(",")}`,
      );
  }
}

/** Throws `CommandError` where a table was asked for, of commands that print none. */
export function parseResultFormat(text: string | undefined): OutputFormat | undefined {
  if (text === undefined || text === "") return undefined;
  const format = parseOutputFormat(text);
  if (format.kind !== "table" && format.kind !== "columns") return format;
  throw new CommandError(
    `unable to match a printer suitable for the output format "${text}", allowed formats are: json,jsonpath,name,yaml`,
  );
}

/** `NAME:.metadata.name,IMAGE:.spec.containers[*].image` */
function customColumns(text: string): readonly CustomColumn[] {
  if (text === "") {
    throw new CommandError("custom-columns format specified but no custom columns given");
  }
  return text.split(",").map((part) => {
    const colon = part.indexOf(":");
    if (colon <= 0) {
      throw new CommandError(
        `unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`,
      );
    }
    return { header: part.slice(0, colon), path: parseRelaxedPath(part.slice(colon + 1)) };
  });
}
