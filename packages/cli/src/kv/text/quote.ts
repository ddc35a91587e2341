/**
 * Go's quoted strings (Go specification, "String literals"; `strconv.Quote` for what is escaped):
 * how `-w fields` shows keys and values, and how transactions and interactive watches are typed.
 */
import { decodeUtf8, encodeUtf8, equalBytes } from "@sagong/base";

const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x0c, "\\f"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [0x0b, "\\v"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

const PRINTABLE = /^[ \p{L}\p{M}\p{N}\p{P}\p{S}]$/u;

/** `bytes` as a quoted string: what UTF-8 can be printed as it is, the rest escaped. */
export function quote(bytes: Uint8Array): string {
  let text = '"';
  for (let at = 0; at < bytes.length;) {
    const { length, character } = characterAt(bytes, at);
    text += character === undefined ? hexEscape(bytes[at] ?? 0) : escapeCharacter(character);
    at += length;
  }
  return `${text}"`;
}

/** The well-formed character at `at`; undefined, and one byte long, where there is none. */
function characterAt(
  bytes: Uint8Array,
  at: number,
): { readonly length: number; readonly character: string | undefined } {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return { length: 1, character: String.fromCharCode(lead) };
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const encoded = bytes.subarray(at, at + length);
  const character = decodeUtf8(encoded);
  // Whatever is not UTF-8 decodes to something else than itself; Go shows such bytes one by one.
  if (!equalBytes(encodeUtf8(character), encoded)) return { length: 1, character: undefined };
  return { length, character };
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const short = SHORT_ESCAPES.get(code);
  if (short !== undefined) return short;
  if (PRINTABLE.test(character)) return character;
  if (code < 0x20 || code === 0x7f) return hexEscape(code);
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\U${code.toString(16).padStart(8, "0")}`;
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}

export interface Unquoted {
  /** As a byte string. */
  readonly value: string;
  /** Where the text goes on after the closing quote. */
  readonly end: number;
}

/**
 * Reads the string that starts with the quote (`"` or a backquote) at `start` of a byte string.
 * Undefined where there is none, it does not end, or an escape is unknown.
 */
export function unquoteAt(text: string, start: number): Unquoted | undefined {
  const mark = text[start];
  if (mark === "`") {
    const end = text.indexOf("`", start + 1);
    return end < 0 ? undefined : { value: text.slice(start + 1, end), end: end + 1 };
  }
  if (mark !== '"') return undefined;
  let value = "";
  for (let at = start + 1; at < text.length;) {
    const character = text.charAt(at);
    if (character === '"') return { value, end: at + 1 };
    if (character === "\n") return undefined;
    if (character !== "\\") {
      value += character;
      at++;
      continue;
    }
    const escape = escapeAt(text, at);
    if (!escape) return undefined;
    value += escape.value;
    at = escape.end;
  }
  return undefined;
}

const UNESCAPED: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\\", "\\"],
  ['"', '"'],
]);

function escapeAt(text: string, at: number): Unquoted | undefined {
  const short = UNESCAPED.get(text.charAt(at + 1));
  if (short !== undefined) return { value: short, end: at + 2 };
  const rest = text.slice(at, at + "\\U0010ffff".length);
  // The letter counts, those of the digits do not: \U is not a longer \u.
  const [long, hex, unicode, wide, octal] =
    /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-3][0-7]{2}))/.exec(rest) ?? [];
  if (long === undefined) return undefined;
  const end = at + long.length;
  if (hex !== undefined) return { value: String.fromCharCode(Number.parseInt(hex, 16)), end };
  if (octal !== undefined) return { value: String.fromCharCode(Number.parseInt(octal, 8)), end };
  const code = Number.parseInt(unicode ?? wide ?? "", 16);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  const bytes = encodeUtf8(String.fromCodePoint(code));
  return { value: Buffer.from(bytes).toString("latin1"), end };
}
