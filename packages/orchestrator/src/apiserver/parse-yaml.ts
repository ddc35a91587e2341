/** YAML bodies: one document, as the JSON value that it stands for. */
import { isScalar, LineCounter, parseDocument, visit } from "yaml";
import { MAX_JSON_DEPTH } from "../api/codec/parse-json.js";

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

/** An alias in an alias in an alias: a small body could stand for one without end. */
const MAX_ALIASES = 100;

/** Throws `YamlSyntaxError`. */
export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(text, { uniqueKeys: false, lineCounter, prettyErrors: false });
    const [fault] = document.errors;
    if (fault) {
      const { line } = lineCounter.linePos(fault.pos[0]);
      throw new YamlSyntaxError(`yaml: line ${line}: ${fault.message}`);
    }
    const duplicates: string[] = [];
    visit(document, {
      Map: (_key, node) => {
        const seen = new Set<unknown>();
        for (const { key } of node.items) {
          if (!isScalar(key)) continue;
          const { line } = lineCounter.linePos(key.range?.[0] ?? 0);
          if (seen.has(key.value))
            duplicates.push(`line ${line}: key ${JSON.stringify(key.value)} already set in map`);
          seen.add(key.value);
        }
      },
    });
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value: sorted(value, 0), duplicates };
  } catch (error) {
    if (error instanceof YamlSyntaxError) throw error;
    // The library recurses: what is nested too deep exhausts its stack, too many aliases end so too.
    if (error instanceof RangeError || error instanceof ReferenceError)
      throw new YamlSyntaxError(`yaml: ${error.message}`);
    throw error;
  }
}

function sorted(value: unknown, depth: number): unknown {
  if (depth > MAX_JSON_DEPTH) throw new YamlSyntaxError("yaml: exceeded max depth");
  if (Array.isArray(value)) return value.map((item) => sorted(item, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item, depth + 1)]));
}
