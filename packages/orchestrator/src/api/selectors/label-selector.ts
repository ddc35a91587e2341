/** Label selectors as text (`a=b,c in (d,e),!f`) and as objects, with one meaning. */
import { badRequest } from "../api-status.js";
import type { LabelSelector } from "../gen/meta-v1.js";

export type Labels = Readonly<Record<string, string>> | undefined;
export type LabelMatcher = (labels: Labels) => boolean;

interface Requirement {
  readonly key: string;
  readonly operator: "in" | "notin" | "exists" | "!";
  readonly values: readonly string[];
}

/** Throws `ApiError` BadRequest. An empty text matches everything. */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = splitTop(text).map(parseRequirement);
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

/** Whether a selector object matches; an absent one matches nothing, an empty one everything. */
export function matchesLabels(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  const equal = Object.entries(selector.matchLabels ?? {}).every(
    ([key, value]) => labels?.[key] === value,
  );
  if (!equal) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const known = OPERATORS[operator];
    return known !== undefined && holds({ key, operator: known, values }, labels);
  });
}

/** A selector object as text, for queries. */
export function selectorText(selector: LabelSelector): string {
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === "Exists") parts.push(key);
    else if (operator === "DoesNotExist") parts.push(`!${key}`);
    else parts.push(`${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`);
  }
  return parts.join(",");
}

const OPERATORS: Readonly<Record<string, Requirement["operator"]>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels?.[key];
  switch (operator) {
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
  }
}

/** At commas outside parentheses. */
function splitTop(text: string): string[] {
  const parts = text.match(/[^,(]+(?:\([^)]*\))?[^,]*/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

const SET = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/;
const EQUALITY = /^([^=!\s]+)\s*(==|=|!=)\s*([-\w.]*)$/;
const EXISTENCE = /^(!?)\s*([^=!\s()]+)$/;

function parseRequirement(part: string): Requirement {
  const set = SET.exec(part);
  if (set) {
    const values = (set[3] ?? "").split(",").map((value) => value.trim());
    return { key: set[1] ?? "", operator: set[2] === "in" ? "in" : "notin", values };
  }
  const equality = EQUALITY.exec(part);
  if (equality) {
    const operator = equality[2] === "!=" ? "notin" : "in";
    return { key: equality[1] ?? "", operator, values: [equality[3] ?? ""] };
  }
  const existence = EXISTENCE.exec(part);
  if (existence) {
    return { key: existence[2] ?? "", operator: existence[1] === "!" ? "!" : "exists", values: [] };
  }
  throw badRequest(
    `unable to parse requirement: found '${part}', expected: a key with '=', '==', '!=', 'in', 'notin', or alone`,
  );
}
