/**
 * Text that came from anywhere (keys, errors of a store, names) on a terminal: nothing in it may move
 * the cursor, change colours, break a line or turn the reading direction, and a row must stay as wide
 * as its columns say.
 */

/**
 * Controls (C0, DEL, C1), marks of direction and width zero, separators of lines, lone surrogates:
 * everything that a terminal obeys, or hides.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u034f\u115f\u1160\u3164\uffa0]/gu;
/** Characters that terminals draw on the one before. */
const COMBINING = /\p{M}/u;
/** Characters of two columns: East Asian scripts, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** What cannot be seen becomes `\n`, `\x1b` or `\u{202e}`. */
export function cleanText(text: string): string {
  return text.replace(UNSEEN, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}

/** Columns that clean text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** Clean text in exactly `width` columns: filled with spaces, or cut with an ellipsis. */
export function fitText(text: string, width: number): string {
  const full = textWidth(text);
  if (full <= width) return text + " ".repeat(width - full);
  let cut = "";
  let used = 0;
  for (const char of text) {
    const next = charWidth(char);
    if (used + next > width - 1) break;
    cut += char;
    used += next;
  }
  return width < 1 ? "" : `${cut}…${" ".repeat(width - 1 - used)}`;
}

function charWidth(char: string): number {
  if (COMBINING.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}
