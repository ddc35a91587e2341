/** JSON patch (RFC 6902), with a limit on its operations. */
import { ApiError, badRequest } from "../api-status.js";
import { equalTrees, isTree } from "./json-tree.js";

/** apiserver's limits. */
const MAX_OPERATIONS = 10_000;
/** Of all that `copy` copies, as JSON: copies of copies double what they are applied to. */
const MAX_COPIED_CHARACTERS = 3_145_728;

/** Throws `ApiError` where the patch is none, or does not fit the document. */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  const budget: CopyBudget = { left: MAX_COPIED_CHARACTERS };
  return patch.reduce(
    (value: unknown, operation: unknown) => apply(value, operation, budget),
    document,
  );
}

interface CopyBudget {
  left: number;
}

function copied(value: unknown, budget: CopyBudget): unknown {
  budget.left -= JSON.stringify(value)?.length ?? 0;
  if (budget.left >= 0) return value;
  throw new ApiError(
    "RequestEntityTooLarge",
    `Unable to complete the copy, the accumulated size increase of copy is more than the limit ${MAX_COPIED_CHARACTERS}`,
  );
}

function apply(document: unknown, operation: unknown, budget: CopyBudget): unknown {
  if (!isTree(operation)) throw badRequest("an operation of a JSON patch is an object");
  const { op, value } = operation;
  const path = pointer(operation["path"]);
  switch (op) {
    case "add":
      return add(document, path, value);
    case "remove":
      return remove(document, path);
    case "replace":
      return add(remove(document, path), path, value);
    case "move": {
      const from = pointer(operation["from"]);
      return add(remove(document, from), path, read(document, from));
    }
    case "copy":
      return add(document, path, copied(read(document, pointer(operation["from"])), budget));
    case "test":
      if (equalTrees(read(document, path), value)) return document;
      throw new ApiError(
        "Invalid",
        `the server rejected our request due to an error in our request: testing value ${String(operation["path"])} failed`,
      );
    default:
      throw badRequest(`unknown operation "${String(op)}" in a JSON patch`);
  }
}

function pointer(text: unknown): string[] {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) {
    throw badRequest(`"${String(text)}" is no JSON pointer`);
  }
  return text
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function missing(path: readonly string[]): ApiError {
  return new ApiError(
    "Invalid",
    `the server rejected our request due to an error in our request: the path /${path.join("/")} does not exist`,
  );
}

function read(document: unknown, path: readonly string[]): unknown {
  let at = document;
  for (const step of path) {
    const next: unknown = Array.isArray(at)
      ? at[indexOf(step, at.length - 1, path)]
      : isTree(at)
        ? at[step]
        : undefined;
    if (next === undefined) throw missing(path);
    at = next;
  }
  return at;
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value;
  return change(document, path, (parent, step) => {
    if (Array.isArray(parent)) {
      const index = step === "-" ? parent.length : indexOf(step, parent.length, path);
      return parent.toSpliced(index, 0, value);
    }
    return { ...parent, [step]: value };
  });
}

function remove(document: unknown, path: readonly string[]): unknown {
  return change(document, path, (parent, step) => {
    if (Array.isArray(parent)) return parent.toSpliced(indexOf(step, parent.length - 1, path), 1);
    if (!(step in parent)) throw missing(path);
    const { [step]: _removed, ...rest } = parent;
    return rest;
  });
}

type Change = (parent: unknown[] | Readonly<Record<string, unknown>>, step: string) => unknown;

/** A copy of the document in which the parent of `path` is what `make` returns; undefined at the root. */
function change(document: unknown, path: readonly string[], make: Change): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return undefined;
  if (!Array.isArray(document) && !isTree(document)) throw missing(path);
  if (rest.length === 0) return make(document, step);
  if (Array.isArray(document)) {
    const index = indexOf(step, document.length - 1, path);
    return document.with(index, change(document[index], rest, make));
  }
  if (!(step in document)) throw missing(path);
  return { ...document, [step]: change(document[step], rest, make) };
}

function indexOf(step: string, max: number, path: readonly string[]): number {
  const index = /^(0|[1-9]\d*)$/.test(step) ? Number(step) : -1;
  if (index < 0 || index > max) throw missing(path);
  return index;
}
