/** Evaluates parsed JSONPath templates over JSON values. Pure. */
import { compareText } from "@sagong/base";
import { isTree } from "@sagong/orchestrator/api";
import { compactJson } from "./json-text.js";
import type { Filter, Operand, Path, Step, TemplateNode } from "./parse-json-path.js";

/** What a template prints of `document`. A path that leads nowhere prints nothing. */
export function renderTemplate(nodes: readonly TemplateNode[], document: unknown): string {
  return render(nodes, { document, current: document });
}

/** The values at `path`, in order; none where it leads nowhere. */
export function evaluatePath(path: Path, document: unknown): readonly unknown[] {
  return walk(path, { document, current: document });
}

/** Texts as they are, everything else as JSON. */
export function valueText(value: unknown): string {
  return typeof value === "string" ? value : compactJson(value);
}

interface Scope {
  readonly document: unknown;
  /** The item of the innermost range, or of the filter. */
  readonly current: unknown;
}

function render(nodes: readonly TemplateNode[], scope: Scope): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case "text":
          return node.text;
        case "path":
          return walk(node.path, scope).map(valueText).join(" ");
        case "range":
          return walk(node.path, scope)
            .map((current) => render(node.body, { ...scope, current }))
            .join("");
      }
    })
    .join("");
}

function walk(path: Path, scope: Scope): readonly unknown[] {
  let values: readonly unknown[] = [path.fromRoot ? scope.document : scope.current];
  for (const step of path.steps) values = values.flatMap((value) => take(step, value, scope));
  return values;
}

function take(step: Step, value: unknown, scope: Scope): readonly unknown[] {
  switch (step.kind) {
    case "field":
      return isTree(value) && value[step.name] !== undefined ? [value[step.name]] : [];
    case "wildcard":
      return childrenOf(value);
    case "descent":
      return descendants(value);
    case "index": {
      if (!Array.isArray(value)) return [];
      const list: readonly unknown[] = value;
      const found = list.at(step.index);
      return found === undefined ? [] : [found];
    }
    case "slice":
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_item, at) => at % step.by === 0)
        : [];
    case "union":
      return step.of.flatMap((one) => take(one, value, scope));
    case "filter":
      return childrenOf(value).filter((current) => holds(step.filter, { ...scope, current }));
  }
}

function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isTree(value) ? Object.values(value) : [];
}

function descendants(value: unknown): readonly unknown[] {
  return [value, ...childrenOf(value).flatMap(descendants)];
}

function holds({ left, operator, right }: Filter, scope: Scope): boolean {
  const lefts = operandValues(left, scope);
  if (operator === "exists") return lefts.length > 0;
  const rights = right ? operandValues(right, scope) : [];
  const [a] = lefts;
  const [b] = rights;
  if (lefts.length === 0 || rights.length === 0) return operator === "!=" && lefts.length > 0;
  if (operator === "==") return a === b;
  if (operator === "!=") return a !== b;
  if (typeof a === "number" && typeof b === "number") return compares(operator, a - b);
  if (typeof a === "string" && typeof b === "string") {
    return compares(operator, compareText(a, b));
  }
  return false;
}

function compares(operator: "<" | "<=" | ">" | ">=", difference: number): boolean {
  switch (operator) {
    case "<":
      return difference < 0;
    case "<=":
      return difference <= 0;
    case ">":
      return difference > 0;
    case ">=":
      return difference >= 0;
  }
}

function operandValues(operand: Operand, scope: Scope): readonly unknown[] {
  return operand.kind === "value" ? [operand.value] : walk(operand.path, scope);
}
