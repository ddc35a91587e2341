/** The flags of `watch`, also in the lines of an interactive one, and what they ask for. */
import { encodeUtf8 } from "@sagong/base";
import type { WatchSpec } from "@sagong/kv/client";
import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";
import { integerFlag } from "../text/integer.js";
import { prefixRange } from "./key-range.js";

export interface WatchFlags {
  readonly rev: string;
  readonly prefix?: true;
  readonly prevKv?: true;
  readonly progressNotify?: true;
  readonly interactive?: true;
}

export function addWatchFlags(program: Program): Program {
  return program
    .option("--prefix", "watch keys that start with the given key")
    .option("--rev <revision>", "the first revision wanted; 0 is from now on", "0")
    .option("--prev-kv", "also print keys and values as they were before")
    .option("--progress-notify", "also say now and then how far the watch has come");
}

/**
 * Without arguments, `ETCDCTL_WATCH_KEY` and `ETCDCTL_WATCH_RANGE_END` say what to watch. Throws
 * `KvError` where arguments or flags make no sense.
 */
export function watchRequest(
  operands: readonly Uint8Array[],
  flags: WatchFlags,
  env: Readonly<Record<string, string | undefined>>,
): WatchSpec {
  const [key, rangeEnd] = keysOf(operands, env);
  if (rangeEnd !== undefined && flags.prefix) {
    refuse("`range_end` and `--prefix` are mutually exclusive");
  }
  return {
    ...(flags.prefix ? prefixRange(key) : { key, ...(rangeEnd ? { rangeEnd } : {}) }),
    startRevision: integerFlag("rev", flags.rev),
    prevKv: flags.prevKv ?? false,
    progressNotify: flags.progressNotify ?? false,
  };
}

function keysOf(
  operands: readonly Uint8Array[],
  env: Readonly<Record<string, string | undefined>>,
): readonly [Uint8Array, Uint8Array?] {
  const envKey = env["ETCDCTL_WATCH_KEY"] ?? "";
  const envRangeEnd = env["ETCDCTL_WATCH_RANGE_END"] ?? "";
  if (envKey !== "") {
    if (operands.length > 0) refuse("bad number of arguments (found conflicting environment key)");
    const key = encodeUtf8(envKey);
    return envRangeEnd === "" ? [key] : [key, encodeUtf8(envRangeEnd)];
  }
  const [key, rangeEnd] = operands;
  if (key === undefined || operands.length > 2) refuse("bad number of arguments");
  return rangeEnd === undefined ? [key] : [key, rangeEnd];
}

function refuse(message: string): never {
  throw new KvError(KV_EXIT.badArguments, message);
}
