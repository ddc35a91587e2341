/**
 * One comparison of a transaction as etcdctl has it typed: `mod("key") > "0"`, on a byte string.
 * Refusals are etcdctl's own sentences, with what was understood so far.
 */
import { Compare, CompareResult, CompareTarget } from "@sagong/kv/client";
import { KV_EXIT, KvError } from "../kv-error.js";
import { byteStringText, fromByteString } from "../text/byte-string.js";
import { parseInt64, parseSafeInteger } from "../text/integer.js";
import { quote, unquoteAt } from "../text/quote.js";

/** Throws `KvError` where `line` is no comparison. */
export function parseCompare(line: string): Compare {
  const paren = line.indexOf("(");
  if (paren < 0) return refuse(`malformed comparison: ${byteStringText(line)}`);
  const target = line.slice(0, paren);
  const { key, operator, value } = scan(line, paren + 1);
  if (value === undefined) {
    const got = `${byteStringText(target)}(${quoted(key)}) ${byteStringText(operator)} ""`;
    return refuse(`malformed comparison: ${byteStringText(line)}; got ${got}`);
  }
  const result = OPERATORS[operator];
  if (result === undefined) {
    const why = `unknown operator ${byteStringText(operator)}, expected =, !=, > or <`;
    return refuse(`malformed comparison: ${byteStringText(line)} (${why})`);
  }
  return Compare.create({ key: fromByteString(key), result, ...targetOf(target, value, line) });
}

const OPERATORS: Readonly<Record<string, number>> = {
  "=": CompareResult.EQUAL,
  "!=": CompareResult.NOT_EQUAL,
  ">": CompareResult.GREATER,
  "<": CompareResult.LESS,
};

interface Scanned {
  readonly key: string;
  readonly operator: string;
  /** Undefined where the line is not understood up to here. */
  readonly value: string | undefined;
}

/** `"key") operator "value"`: white space around the operator; what follows is ignored. */
function scan(line: string, start: number): Scanned {
  const key = unquoteAt(line, skipSpace(line, start));
  if (!key) return { key: "", operator: "", value: undefined };
  const [before = "", operator = ""] = /^\)\s+(\S+)/.exec(line.slice(key.end)) ?? [];
  const value = unquoteAt(line, skipSpace(line, key.end + before.length));
  const isUnderstood = operator !== "" && value !== undefined;
  return { key: key.value, operator, value: isUnderstood ? value.value : undefined };
}

function skipSpace(line: string, start: number): number {
  const space = /\S/.exec(line.slice(start));
  return space ? start + space.index : line.length;
}

function targetOf(
  target: string,
  value: string,
  line: string,
): Pick<Compare, "target" | "targetUnion"> {
  const revision = (): number => {
    const parsed = parseSafeInteger(value);
    if (parsed.kind === "value") return parsed.value;
    return refuse(`invalid txn compare request: ${byteStringText(line)}`);
  };
  switch (target) {
    case "ver":
    case "version":
      return {
        target: CompareTarget.VERSION,
        targetUnion: { kind: "version", value: revision() },
      };
    case "c":
    case "create":
      return {
        target: CompareTarget.CREATE,
        targetUnion: { kind: "createRevision", value: revision() },
      };
    case "m":
    case "mod":
      return {
        target: CompareTarget.MOD,
        targetUnion: { kind: "modRevision", value: revision() },
      };
    case "val":
    case "value":
      return {
        target: CompareTarget.VALUE,
        targetUnion: { kind: "value", value: fromByteString(value) },
      };
    case "lease": {
      // In hexadecimal, as leases are printed. (etcdctl 3.4 panics at any lease.)
      const parsed = parseInt64(value, 16);
      if (parsed.kind === "value") {
        const { value: id } = parsed;
        return { target: CompareTarget.LEASE, targetUnion: { kind: "lease", value: id } };
      }
      return refuse(`invalid txn compare request: ${byteStringText(line)}`);
    }
    default: {
      const why = `unknown target ${byteStringText(target)}`;
      return refuse(`malformed comparison: ${byteStringText(line)} (${why})`);
    }
  }
}

function quoted(text: string): string {
  return quote(fromByteString(text));
}

function refuse(message: string): never {
  throw new KvError(KV_EXIT.invalidInput, message);
}
