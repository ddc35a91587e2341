/** Whether a node is one that a NodeSelectorTerm describes (core/v1). Pure. */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from "../../api/gen/core-v1.js";

/** All expressions of a term must hold; a term without any matches nothing. */
export function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  { metadata }: Node,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((one) => holds(one, metadata.labels?.[one.key])) &&
    // metadata.name is the only field that the API takes here.
    matchFields.every((one) => one.key === "metadata.name" && holds(one, metadata.name))
  );
}

function holds({ operator, values = [] }: NodeSelectorRequirement, value?: string): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return compare(value, values[0], (a, b) => a > b);
    case "Lt":
      return compare(value, values[0], (a, b) => a < b);
    default:
      return false; // Validation lets no other in; what cannot be judged does not match.
  }
}

const WHOLE = /^[+-]?\d{1,19}$/;

/** Whole numbers of 64 bits, as Go reads them; anything else is neither more nor less. */
function compare(
  value: string | undefined,
  bound: string | undefined,
  test: (a: bigint, b: bigint) => boolean,
): boolean {
  const [a, b] = [wholeOf(value), wholeOf(bound)];
  return a !== undefined && b !== undefined && test(a, b);
}

function wholeOf(text: string | undefined): bigint | undefined {
  if (text === undefined || !WHOLE.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
