/** JSON as Go writes it for Kubernetes: fields by name, and <, >, & escaped. Pure. */
import { compareText } from "@sagong/base";
import { isTree } from "@sagong/orchestrator/api";

/** On one line, without a newline at its end. */
export function compactJson(value: unknown): string {
  return escaped(JSON.stringify(sorted(value)));
}

/** As `-o json` prints it, with its newline. */
export function prettyJson(value: unknown): string {
  return `${escaped(JSON.stringify(sorted(value), undefined, 4))}\n`;
}

/** A copy with the fields of every object in order of their names (by code unit, as Go compares). */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .filter((key) => value[key] !== undefined)
      .toSorted(compareText)
      .map((key) => [key, sorted(value[key])]),
  );
}

function escaped(json: string): string {
  return json.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`,
  );
}
