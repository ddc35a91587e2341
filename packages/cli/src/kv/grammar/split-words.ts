import { KV_EXIT, KvError } from "../kv-error.js";
import { byteStringText } from "../text/byte-string.js";
import { unquoteAt } from "../text/quote.js";

/**
 * The words of a line (a byte string) of a transaction or an interactive watch: separated by white
 * space; `"…"` with Go's escapes and `'…'` without any are one word each. Throws `KvError` where a
 * quote does not end. (etcdctl drops such a quote, and spoils words in single quotes.)
 */
export function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < line.length;) {
    const character = line.charAt(at);
    if (/\s/.test(character)) {
      at++;
    } else if (character === '"') {
      const word = unquoteAt(line, at) ?? refuse(line, at);
      words.push(word.value);
      at = word.end;
    } else if (character === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) refuse(line, at);
      words.push(line.slice(at + 1, end));
      at = end + 1;
    } else {
      const [word = character] = /^\S+/.exec(line.slice(at)) ?? [];
      words.push(word);
      at += word.length;
    }
  }
  return words;
}

function refuse(line: string, at: number): never {
  throw new KvError(
    KV_EXIT.invalidInput,
    `invalid syntax: ${byteStringText(line)}: expected a quoted string at column ${at + 1}`,
  );
}
