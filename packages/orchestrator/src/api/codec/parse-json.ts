/**
 * JSON as an API server must read it: JSON.parse drops the first of two equal keys without a word,
 * and strict field validation has to name it (KEP-2885). The platform's parser does the work; a
 * count of keys in text and tree tells whether one was dropped, and only then, or where the text is
 * broken, the slow parser below goes over it, for the places and for the messages of Go's decoder
 * that clients know.
 */

/** Objects in which a key stands twice: every key with its value, in the order of the text. */
export type Occurrences = ReadonlyMap<object, readonly (readonly [key: string, value: unknown])[]>;

export interface ParsedJson {
  /** Of two equal keys the last one holds. */
  readonly value: unknown;
  readonly occurrences: Occurrences;
}

/** The message is Go's, as `invalid character '}' after object key`. */
export class JsonSyntaxError extends Error {
  override readonly name: string = "JsonSyntaxError";
}

/** Deeper documents are refused: patches and answers walk them recursively. Go refuses 10,000. */
export const MAX_JSON_DEPTH = 1_000;

const NONE: Occurrences = new Map();

/** Throws `JsonSyntaxError`. */
export function parseJson(text: string): ParsedJson {
  const inText = countKeys(text);
  if (inText !== undefined) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return new Parser(text).document(); // Throws, with Go's words for it.
    }
    if (inTree(value) === inText) return { value, occurrences: NONE };
  }
  return new Parser(text).document();
}

/** `duplicate field "spec.paused"` for each key of the text that stands twice in its object. */
export function duplicateFields({ value, occurrences }: ParsedJson): readonly string[] {
  if (occurrences.size === 0) return [];
  const texts: string[] = [];
  const walk = (at: unknown, path: string): void => {
    if (typeof at !== "object" || at === null) return;
    if (Array.isArray(at)) return at.forEach((item, i) => walk(item, `${path}[${i}]`));
    const seen = new Set<string>();
    for (const [key, item] of occurrences.get(at) ?? Object.entries(at)) {
      const inner = path === "" ? key : `${path}.${key}`;
      if (seen.has(key)) texts.push(`duplicate field "${inner}"`);
      seen.add(key);
      walk(item, inner);
    }
  };
  walk(value, "");
  return texts;
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Colons outside strings: one for each key of a valid text. Undefined where it is too deep. */
function countKeys(text: string): number | undefined {
  let keys = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      for (i++; i < text.length; i++) {
        const inner = text.charCodeAt(i);
        if (inner === QUOTE) break;
        if (inner === BACKSLASH) i++;
      }
    } else if (code === COLON) keys++;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > MAX_JSON_DEPTH) return undefined;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return keys;
}

function inTree(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + inTree(item), 0);
  let keys = 0;
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") throw refusedKey();
    keys += 1 + inTree(item);
  }
  return keys;
}

/** Every tree of this server is a plain object, in which this key would not be one like others. */
function refusedKey(): JsonSyntaxError {
  return new JsonSyntaxError(`the key "__proto__" is not accepted`);
}

const LITERALS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

class Parser {
  readonly #text: string;
  readonly #occurrences = new Map<object, (readonly [string, unknown])[]>();
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): ParsedJson {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected("after top-level value");
    return { value, occurrences: this.#occurrences };
  }

  #value(): unknown {
    this.#space();
    const char = this.#text[this.#at];
    if (char === "{") return this.#object();
    if (char === "[") return this.#array();
    if (char === '"') return this.#string();
    if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) return this.#number();
    for (const [word, value] of LITERALS) if (char === word[0]) return this.#literal(word, value);
    throw this.#unexpected("looking for beginning of value");
  }

  #object(): unknown {
    const entries: [string, unknown][] = [];
    this.#enter();
    this.#space();
    if (this.#text[this.#at] === "}") return this.#leave({});
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"')
        throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      if (key === "__proto__") throw refusedKey();
      this.#space();
      if (this.#text[this.#at] !== ":") throw this.#unexpected("after object key");
      this.#at++;
      entries.push([key, this.#value()]);
      this.#space();
      const char = this.#text[this.#at];
      if (char !== "," && char !== "}") throw this.#unexpected("after object key:value pair");
      if (char === "}") break;
      this.#at++;
    }
    const value = Object.fromEntries(entries);
    if (Object.keys(value).length < entries.length) this.#occurrences.set(value, entries);
    return this.#leave(value);
  }

  #array(): unknown {
    const items: unknown[] = [];
    this.#enter();
    this.#space();
    if (this.#text[this.#at] === "]") return this.#leave(items);
    for (;;) {
      items.push(this.#value());
      this.#space();
      const char = this.#text[this.#at];
      if (char !== "," && char !== "]") throw this.#unexpected("after array element");
      if (char === "]") return this.#leave(items);
      this.#at++;
    }
  }

  #enter(): void {
    this.#at++;
    if (++this.#depth > MAX_JSON_DEPTH) throw new JsonSyntaxError("exceeded max depth");
  }

  #leave<T>(value: T): T {
    this.#at++;
    this.#depth--;
    return value;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === '"') break;
      if (char === undefined || char < " ") throw this.#unexpected("in string literal");
      this.#at++;
      if (char === "\\") this.#escape();
    }
    this.#at++;
    // Each character and escape of it has been checked above.
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #escape(): void {
    const char = this.#text[this.#at];
    if (char === undefined || !'"\\/bfnrtu'.includes(char))
      throw this.#unexpected("in string escape code");
    this.#at++;
    for (let i = 0; char === "u" && i < 4; i++, this.#at++) {
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? ""))
        throw this.#unexpected("in \\u hexadecimal character escape");
    }
  }

  #number(): number {
    const start = this.#at;
    if (this.#text[this.#at] === "-") this.#at++;
    if (this.#text[this.#at] === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (/^[eE]$/.test(this.#text[this.#at] ?? "")) {
      this.#at++;
      if (/^[+-]$/.test(this.#text[this.#at] ?? "")) this.#at++;
      this.#digits("in exponent of numeric literal");
    }
    return Number(this.#text.slice(start, this.#at));
  }

  /** One digit at least. */
  #digits(where: string): void {
    const isDigit = (): boolean => /^[0-9]$/.test(this.#text[this.#at] ?? "");
    if (!isDigit()) throw this.#unexpected(where);
    while (isDigit()) this.#at++;
  }

  #literal<T>(word: string, value: T): T {
    for (const char of word) {
      if (this.#text[this.#at] !== char)
        throw this.#unexpected(`in literal ${word} (expecting ${quoted(char)})`);
      this.#at++;
    }
    return value;
  }

  #space(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #unexpected(where: string): JsonSyntaxError {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return new JsonSyntaxError("unexpected end of JSON input");
    return new JsonSyntaxError(`invalid character ${quoted(String.fromCodePoint(code))} ${where}`);
  }
}

/** As Go quotes a character. */
function quoted(char: string): string {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
}
