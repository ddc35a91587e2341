import { EMPTY_BYTES, prefixEnd } from "@sagong/base";
import { KV_EXIT, KvError } from "../kv-error.js";

/** As key this is the least of all; as range_end it says "to the last key". */
const ZERO_BYTE: Uint8Array = new Uint8Array(1);

export interface RangeSelection {
  readonly prefix?: true;
  readonly fromKey?: true;
}

export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

/** Which keys `get` and `del` mean. Throws `KvError` where arguments and flags do not agree. */
export function keyRange(
  command: "get" | "del",
  operands: readonly Uint8Array[],
  { prefix = false, fromKey = false }: { readonly prefix?: boolean; readonly fromKey?: boolean },
): KeyRange {
  const [key, rangeEnd] = operands;
  if (key === undefined || operands.length > 2) {
    refuse(`${command} command needs one argument as key and an optional argument as range_end`);
  }
  if (prefix && fromKey) {
    refuse("`--prefix` and `--from-key` cannot be set at the same time, choose one");
  }
  if (rangeEnd !== undefined) {
    if (prefix || fromKey) {
      refuse("too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
    }
    return { key, rangeEnd };
  }
  if (prefix) return prefixRange(key);
  if (!fromKey) return { key, rangeEnd: EMPTY_BYTES };
  return { key: key.length === 0 ? ZERO_BYTE : key, rangeEnd: ZERO_BYTE };
}

/** All keys that start with `prefix`; with an empty one, all keys. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  if (prefix.length === 0) return { key: ZERO_BYTE, rangeEnd: ZERO_BYTE };
  return { key: prefix, rangeEnd: prefixEnd(prefix) };
}

function refuse(message: string): never {
  throw new KvError(KV_EXIT.badArguments, message);
}
