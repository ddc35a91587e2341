/** What `wait --for` waits for, as a question to ask of an object. Pure. */
import { isTree, type KubeObject } from "@sagong/orchestrator/api";
import { evaluatePath, valueText } from "../output/eval-json-path.js";
import { parseRelaxedPath, type Path } from "../output/parse-json-path.js";
import { CommandError } from "../session/errors.js";

export type WaitCondition =
  | { readonly kind: "create" }
  | { readonly kind: "delete" }
  | { readonly kind: "condition"; readonly type: string; readonly status: string }
  /** Without a value it is enough that there is one. */
  | { readonly kind: "jsonpath"; readonly path: Path; readonly value?: string };

/** Throws `CommandError`, and `JsonPathError` for its path. */
export function parseWaitCondition(text: string): WaitCondition {
  const lower = text.toLowerCase();
  if (lower === "create" || lower === "delete") return { kind: lower };
  if (text.startsWith("condition=")) {
    const [type = "", ...status] = text.slice("condition=".length).split("=");
    if (type !== "") {
      const wanted = status.join("=").replaceAll(/^['"]|['"]$/g, "");
      return { kind: "condition", type, status: wanted === "" ? "true" : wanted };
    }
  }
  if (text.startsWith("jsonpath=")) return jsonPathCondition(text.slice("jsonpath=".length));
  throw new CommandError(
    `unrecognized condition: "${text}", expected create, delete, condition=NAME or jsonpath={PATH}=VALUE`,
  );
}

/** `{.a[?(@.b=="c")]}=value`: the equals sign behind the braces divides. */
function jsonPathCondition(text: string): WaitCondition {
  const parts =
    /^'?(\{.*\})'?(?:=([\s\S]*))?$/.exec(text) ?? /^([^{=]+)(?:=([\s\S]*))?$/.exec(text);
  const [, path, value] = parts ?? [];
  if (path === undefined) {
    throw new CommandError(
      `jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3, found "${text}"`,
    );
  }
  const wanted = value?.replaceAll(/^['"]|['"]$/g, "");
  if (wanted === "") throw new CommandError("jsonpath wait has to have a value behind =");
  return {
    kind: "jsonpath",
    path: parseRelaxedPath(path),
    ...(wanted === undefined ? {} : { value: wanted }),
  };
}

/** `object` is undefined where it is not there. Throws `CommandError` where there is no answer. */
export function isMet(condition: WaitCondition, object: KubeObject | undefined): boolean {
  switch (condition.kind) {
    case "create":
      return object !== undefined;
    case "delete":
      return object === undefined;
    case "condition":
      return object !== undefined && hasCondition(object, condition);
    case "jsonpath":
      return object !== undefined && hasValue(object, condition);
  }
}

function hasCondition(
  object: KubeObject,
  { type, status }: { readonly type: string; readonly status: string },
): boolean {
  const found = isTree(object) && isTree(object["status"]) ? object["status"] : {};
  const conditions: readonly unknown[] = Array.isArray(found["conditions"])
    ? found["conditions"]
    : [];
  const condition = conditions
    .filter(isTree)
    .find((one) => String(one["type"]).toLowerCase() === type.toLowerCase());
  if (!condition) return false;
  // What was said of an older generation says nothing of this one.
  const observed = condition["observedGeneration"] ?? found["observedGeneration"];
  const { generation } = object.metadata;
  if (typeof observed === "number" && generation !== undefined && observed < generation)
    return false;
  return String(condition["status"]).toLowerCase() === status.toLowerCase();
}

function hasValue(
  object: KubeObject,
  { path, value }: { readonly path: Path; readonly value?: string },
): boolean {
  const values = evaluatePath(path, object);
  const [first] = values;
  if (values.length === 0) return false;
  if (value === undefined) return true;
  if (values.length > 1) {
    throw new CommandError("given jsonpath expression matches more than one value");
  }
  if (typeof first === "object" && first !== null) {
    throw new CommandError(
      `jsonpath leads to a ${Array.isArray(first) ? "list" : "map"}, which cannot be compared to "${value}"`,
    );
  }
  return valueText(first) === value;
}
