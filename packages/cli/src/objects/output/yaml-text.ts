/**
 * YAML as kubectl prints it: fields by name, lists not indented, texts of several lines as blocks,
 * double quotes around texts that would else be read as something else, single ones where plain
 * text is not possible. Pure.
 */
import { isTree } from "@sagong/orchestrator/api";
import { Document, parse, Scalar, visit } from "yaml";
import { sorted } from "./json-text.js";

/** With its newline. */
export function yamlText(value: unknown): string {
  const document = new Document(sorted(value), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === "string" && isMisread(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({
    indentSeq: false,
    lineWidth: 0,
    singleQuote: true,
    blockQuote: "literal",
  });
}

/** No number, boolean or time is longer. */
const MAX_MISREAD = 40;

/** Whether YAML 1.1, which Kubernetes' tools read, takes the bare text for no text: yes, 010, 1:30. */
function isMisread(text: string): boolean {
  // A merge key; and YAML 1.2's octal, a number to other readers than Kubernetes'.
  if (text === "" || text === "<<" || /^0o[0-7]+$/.test(text)) return true;
  if (text.length > MAX_MISREAD || !/^[-+.~\d=<eEnNyYtTfFoO]/.test(text)) return false;
  try {
    const read: unknown = parse(text, { version: "1.1", logLevel: "silent" });
    // What reads as a list or a map cannot stand plain anyway.
    return typeof read !== "string" && (typeof read !== "object" || read instanceof Date || !read);
  } catch {
    return false; // No YAML at all: the printer quotes it by itself.
  }
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
