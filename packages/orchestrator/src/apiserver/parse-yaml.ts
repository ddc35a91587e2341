/**
 * YAML bodies: one document, as the JSON value that it stands for.
 *
 * The library recurses, and a body of brackets exhausts more than a stack: V8 ends the process when
 * a regular expression finds none left. So the depth is bounded by its lexer, which does not
 * recurse, before anything is parsed. Keys that are collections would be written out as text, each
 * within the other: they are refused, as Kubernetes' conversion to JSON refuses them.
 */
import { compareText } from "@sagong/base";
import { Lexer, isScalar, LineCounter, parseDocument, visit } from "yaml";

export interface ParsedYaml {
  /** Keys sorted, as Kubernetes' conversion to JSON leaves them. */
  readonly value: unknown;
  /** `line 10: key "paused" already set in map`, for strict validation. */
  readonly duplicates: readonly string[];
}

/** The message begins with `yaml: `. */
export class YamlSyntaxError extends Error {
  override readonly name: string = "YamlSyntaxError";
}

/** Kubernetes' own objects are some twenty deep; the library needs more time the deeper it goes. */
const MAX_YAML_DEPTH = 200;
/** An alias in an alias in an alias: a small body could stand for one without end. */
const MAX_ALIASES = 100;

/** Throws `YamlSyntaxError`. */
export function parseYaml(text: string): ParsedYaml {
  checkDepth(text);
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(text, { uniqueKeys: false, lineCounter, prettyErrors: false });
    const [fault] = document.errors;
    if (fault) {
      const { line } = lineCounter.linePos(fault.pos[0]);
      throw new YamlSyntaxError(`yaml: line ${line}: ${fault.message}`);
    }
    const duplicates: { readonly line: number; readonly key: unknown }[] = [];
    visit(document, {
      Map: (_key, node) => {
        const seen = new Set<unknown>();
        for (const { key } of node.items) {
          if (!isScalar(key)) throw new YamlSyntaxError("yaml: a key is a collection or an alias");
          const { line } = lineCounter.linePos(key.range?.[0] ?? 0);
          if (seen.has(key.value)) duplicates.push({ line, key: key.value });
          seen.add(key.value);
        }
      },
    });
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    const texts = duplicates
      .toSorted((a, b) => a.line - b.line)
      .map(({ line, key }) => `line ${line}: key ${JSON.stringify(key)} already set in map`);
    return { value: sorted(value), duplicates: texts };
  } catch (error) {
    if (error instanceof YamlSyntaxError) throw error;
    // The library recurses: what is nested too deep exhausts its stack, too many aliases end so too.
    if (error instanceof RangeError || error instanceof ReferenceError)
      throw new YamlSyntaxError(`yaml: ${error.message}`);
    throw error;
  }
}

/** Each level of block style takes a column, so a line tells how many there may be. */
const DEEP_LINE = new RegExp(`^(?: |[-?:][ \\t]){${MAX_YAML_DEPTH},}`, "m");

function checkDepth(text: string): void {
  const tooDeep = (): YamlSyntaxError => new YamlSyntaxError("yaml: exceeded max depth");
  if (DEEP_LINE.test(text)) throw tooDeep();
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") {
      if (++depth > MAX_YAML_DEPTH) throw tooDeep();
    } else if (token === "]" || token === "}") depth--;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => compareText(a, b));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
