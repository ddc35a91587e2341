/**
 * Kubernetes' JSONPath templates, read into a tree: text around `{…}` actions; in an action a path
 * (`.a.b[0]`, `['a']`, `[*]`, `..`, `[1:3]`, `[?(@.a=="b")]`, unions), a quoted text, `range` or
 * `end`. Evaluated in eval-json-path.ts. Pure.
 */

export type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "wildcard" }
  | { readonly kind: "descent" }
  | { readonly kind: "slice"; readonly from?: number; readonly to?: number; readonly by: number }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "union"; readonly of: readonly Step[] }
  | { readonly kind: "filter"; readonly filter: Filter };

export interface Path {
  /** `$`: from the document, not from the item of the range around it. */
  readonly fromRoot: boolean;
  readonly steps: readonly Step[];
}

export type Operand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly value: string | number | boolean };

export interface Filter {
  readonly left: Operand;
  readonly operator: "exists" | "==" | "!=" | "<" | "<=" | ">" | ">=";
  readonly right?: Operand;
}

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "range"; readonly path: Path; readonly body: readonly TemplateNode[] };

/** A template that cannot be read; the message names it and the fault. */
export class JsonPathError extends Error {
  override readonly name: string = "JsonPathError";
}

/** Throws `JsonPathError`. */
export function parseJsonPath(template: string): readonly TemplateNode[] {
  return new Parser(template).template();
}

/**
 * One path as `--sort-by`, custom columns and `wait` take it: `{.a.b}`, `.a.b` or `a.b`. Throws
 * `JsonPathError`.
 */
export function parseRelaxedPath(text: string): Path {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1] ?? text;
  const path = inner === "" || /^[.[$@]/.test(inner) ? inner : `.${inner}`;
  const [node, ...rest] = parseJsonPath(`{${path}}`);
  if (node?.kind === "path" && rest.length === 0) return node.path;
  throw new JsonPathError(
    `error parsing jsonpath ${text}: expected one path such as {.status.phase}`,
  );
}

const NAME = /[^\s.[\](){}'"=<>!,@$*?]/;
const NUMBER = /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  template(): readonly TemplateNode[] {
    const nodes = this.#nodes(0);
    if (this.#at < this.#text.length) throw this.#fault("not in range, nothing to end");
    return nodes;
  }

  /** Up to the end, or up to and with the `end` of the range that it is in. */
  #nodes(depth: number): TemplateNode[] {
    const nodes: TemplateNode[] = [];
    while (this.#at < this.#text.length) {
      const open = this.#text.indexOf("{", this.#at);
      const text = this.#text.slice(this.#at, open < 0 ? undefined : open);
      if (text !== "") nodes.push({ kind: "text", text });
      if (open < 0) {
        this.#at = this.#text.length;
        break;
      }
      const before = open;
      this.#at = open + 1;
      const action = this.#action(depth);
      if (action === "end") {
        if (depth > 0) return nodes;
        this.#at = before;
        return nodes;
      }
      nodes.push(...action);
    }
    if (depth > 0) throw this.#fault("unclosed range: expected {end}");
    return nodes;
  }

  /** Behind `{`, up to and with `}`; several parts side by side are allowed. */
  #action(depth: number): readonly TemplateNode[] | "end" {
    const nodes: TemplateNode[] = [];
    for (;;) {
      this.#blanks();
      if (this.#take("}")) return nodes;
      if (this.#at >= this.#text.length) throw this.#fault("unclosed action");
      const next = this.#peek();
      if (next === '"' || next === "'") nodes.push({ kind: "text", text: this.#quoted() });
      else if (this.#word("range")) {
        this.#blanks();
        const path = this.#path();
        this.#blanks();
        if (!this.#take("}")) throw this.#fault("expected } behind the path of a range");
        return [...nodes, { kind: "range", path, body: this.#nodes(depth + 1) }];
      } else if (this.#word("end")) {
        this.#blanks();
        if (!this.#take("}")) throw this.#fault("expected } behind end");
        return "end";
      } else nodes.push({ kind: "path", path: this.#path() });
    }
  }

  #path(): Path {
    const fromRoot = this.#take("$");
    const isCurrent = !fromRoot && this.#take("@");
    const steps: Step[] = [];
    for (;;) {
      if (this.#take("..")) {
        steps.push({ kind: "descent" });
        if (this.#peek() !== "[" && this.#peek() !== ".") steps.push(this.#name());
      } else if (this.#take(".")) {
        // `{.}` is the whole, `.[0]` the same as `[0]`.
        if (NAME.test(this.#peek()) || ["*", "\\"].includes(this.#peek())) steps.push(this.#name());
      } else if (this.#take("[")) steps.push(this.#bracket());
      else if (steps.length === 0 && (NAME.test(this.#peek()) || this.#peek() === "*")) {
        steps.push(this.#name());
      } else break;
      if (steps.length > MAX_STEPS) throw this.#fault(`a path of over ${MAX_STEPS} steps`);
    }
    const started = fromRoot || isCurrent || steps.length > 0 || this.#text[this.#at - 1] === ".";
    if (!started) throw this.#fault(`unrecognized character in action: ${this.#peek()}`);
    return { fromRoot, steps };
  }

  #name(): Step {
    if (this.#take("*")) return { kind: "wildcard" };
    let name = "";
    for (;;) {
      // A backslash takes the character behind it as it is: app\.kubernetes\.io/name.
      if (this.#take("\\")) name += this.#next();
      else if (NAME.test(this.#peek())) name += this.#next();
      else break;
    }
    if (name === "") throw this.#fault(`expected the name of a field, found "${this.#peek()}"`);
    return { kind: "field", name };
  }

  #bracket(): Step {
    this.#blanks();
    if (this.#take("?(")) {
      const filter = this.#filter();
      if (!this.#take(")")) throw this.#fault("unterminated filter: expected )");
      this.#close();
      return { kind: "filter", filter };
    }
    const of: Step[] = [];
    do {
      this.#blanks();
      of.push(this.#element());
      this.#blanks();
    } while (this.#take(","));
    this.#close();
    const [only] = of;
    return of.length === 1 && only ? only : { kind: "union", of };
  }

  #element(): Step {
    if (this.#take("*")) return { kind: "wildcard" };
    if (this.#peek() === "'" || this.#peek() === '"')
      return { kind: "field", name: this.#quoted() };
    const match = /^(-?\d+)?(?:(:)(-?\d+)?(?::(-?\d+))?)?/.exec(this.#text.slice(this.#at));
    const [whole = "", from, colon, to, by] = match ?? [];
    if (whole === "")
      throw this.#fault("invalid array index: expected a number, a slice or a name");
    this.#at += whole.length;
    if (colon === undefined) return { kind: "index", index: Number(from) };
    const step = by === undefined ? 1 : Number(by);
    if (step <= 0) throw this.#fault("the step of a slice must be greater than zero");
    return {
      kind: "slice",
      ...(from === undefined ? {} : { from: Number(from) }),
      ...(to === undefined ? {} : { to: Number(to) }),
      by: step,
    };
  }

  #filter(): Filter {
    const left = this.#operand();
    this.#blanks();
    for (const operator of ["==", "!=", "<=", ">=", "<", ">"] as const) {
      if (this.#take(operator)) return { left, operator, right: this.#operand() };
    }
    return { left, operator: "exists" };
  }

  #operand(): Operand {
    this.#blanks();
    if (this.#peek() === "'" || this.#peek() === '"') {
      const operand: Operand = { kind: "value", value: this.#quoted() };
      this.#blanks();
      return operand;
    }
    for (const value of [true, false]) {
      if (this.#word(String(value))) return { kind: "value", value };
    }
    const number = NUMBER.exec(this.#text.slice(this.#at))?.[0];
    if (number !== undefined) {
      this.#at += number.length;
      this.#blanks();
      return { kind: "value", value: Number(number) };
    }
    const path = this.#path();
    this.#blanks();
    return { kind: "path", path };
  }

  #close(): void {
    this.#blanks();
    if (!this.#take("]")) throw this.#fault("unterminated array: expected ]");
  }

  #quoted(): string {
    const quote = this.#next();
    let text = "";
    while (this.#at < this.#text.length) {
      const character = this.#next();
      if (character === quote) return text;
      if (character !== "\\") text += character;
      else {
        const escaped = this.#next();
        text += ESCAPES[escaped] ?? escaped;
      }
    }
    throw this.#fault("unterminated quoted string");
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    const behind = this.#text[this.#at + word.length] ?? "";
    if (!/^[\s}.[)"'$@]?$/.test(behind)) return false;
    this.#at += word.length;
    return true;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #blanks(): void {
    while (/\s/.test(this.#peek())) this.#at++;
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #next(): string {
    const character = this.#peek();
    this.#at++;
    return character;
  }

  #fault(what: string): JsonPathError {
    return new JsonPathError(`error parsing jsonpath ${this.#text}, ${what}`);
  }
}

/** Deep enough for any object, and bounds what a hostile template costs. */
const MAX_STEPS = 1_000;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
