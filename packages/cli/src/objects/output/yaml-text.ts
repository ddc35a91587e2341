/** YAML as kubectl prints it: fields by name, lists not indented, texts of several lines as blocks. */
import { isTree } from "@sagong/orchestrator/api";
import { stringify } from "yaml";
import { sorted } from "./json-text.js";

/** With its newline. */
export function yamlText(value: unknown): string {
  return stringify(sorted(value), {
    indentSeq: false,
    lineWidth: 0,
    // Readers of Kubernetes' YAML take yes, on and 010 for what they were in YAML 1.1: quote them.
    version: "1.1",
    compat: "core",
    aliasDuplicateObjects: false,
  });
}

/** Without what no one reads: managedFields. */
export function withoutManagedFields(object: unknown): unknown {
  if (!isTree(object)) return object;
  const { metadata, items } = object;
  if (Array.isArray(items)) return { ...object, items: items.map(withoutManagedFields) };
  if (!isTree(metadata) || metadata["managedFields"] === undefined) return object;
  const { managedFields: _managedFields, ...rest } = metadata;
  return { ...object, metadata: rest };
}
