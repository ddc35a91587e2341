/** Objects in the formats that are not the server's table. Pure. */
import type { KubeObject } from "@sagong/orchestrator/api";
import { type ServerResource, shownName } from "../session/discovery.js";
import { alignedTable } from "./table-text.js";
import { evaluatePath, renderTemplate, valueText } from "./eval-json-path.js";
import { prettyJson } from "./json-text.js";
import type { CustomColumn, OutputFormat } from "./output-format.js";
import { withoutManagedFields, yamlText } from "./yaml-text.js";

export interface FoundObject {
  readonly resource: ServerResource;
  readonly object: KubeObject;
}

export interface PrintOptions {
  readonly format: Exclude<OutputFormat, { readonly kind: "table" }>;
  /** One object that was asked for by name is printed bare, anything else as a List. */
  readonly isSingle: boolean;
  readonly showManagedFields?: boolean;
  readonly noHeaders?: boolean;
}

export function printObjects(found: readonly FoundObject[], options: PrintOptions): string {
  const { format, isSingle } = options;
  const objects = found.map(({ object }) =>
    options.showManagedFields ? object : withoutManagedFields(object),
  );
  const whole =
    isSingle && objects.length === 1
      ? objects[0]
      : { apiVersion: "v1", items: objects, kind: "List", metadata: { resourceVersion: "" } };
  switch (format.kind) {
    case "json":
      return prettyJson(whole);
    case "yaml":
      return yamlText(whole);
    case "jsonpath":
      return renderTemplate(format.template, whole);
    case "name":
      return found
        .map(({ resource, object }) => `${shownName(resource, object.metadata.name ?? "")}\n`)
        .join("");
    case "columns":
      return columnsText(format.columns, objects, options.noHeaders ?? false);
  }
}

function columnsText(
  columns: readonly CustomColumn[],
  objects: readonly unknown[],
  noHeaders: boolean,
): string {
  const rows = objects.map((object) =>
    columns
      .map(({ path }) => {
        const values = evaluatePath(path, object);
        return values.length === 0 ? "<none>" : values.map(valueText).join(",");
      })
      .join("\t"),
  );
  const header = columns.map((column) => column.header).join("\t");
  return alignedTable(noHeaders ? rows : [header, ...rows]);
}
