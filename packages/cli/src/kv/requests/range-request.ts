/** The flags of `get` and the request that they ask for. */
import { type RangeRequest, SortOrder, SortTarget } from "@sagong/kv/client";
import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";
import { integerFlag } from "../text/integer.js";
import { keyRange } from "./key-range.js";

export interface RangeFlags {
  readonly consistency: string;
  readonly order?: string;
  readonly sortBy?: string;
  readonly limit: string;
  readonly rev: string;
  readonly prefix?: true;
  readonly fromKey?: true;
  readonly keysOnly?: true;
  readonly countOnly?: true;
  readonly printValueOnly?: true;
}

export function addRangeFlags(program: Program): Program {
  return program
    .option("--prefix", "get keys that start with the given key")
    .option("--from-key", "get keys from the given key on, in the order of bytes")
    .option("--rev <revision>", "as of this revision; 0 is the latest", "0")
    .option("--limit <count>", "most keys to get; 0 is no limit", "0")
    .option("--order <order>", "ASCEND or DESCEND")
    .option("--sort-by <field>", "CREATE, KEY, MODIFY, VALUE or VERSION")
    .option("--consistency <kind>", "l: linearizable, s: serializable", "l")
    .option("--keys-only", "get only the keys")
    .option("--count-only", "get only how many keys there are")
    .option("--print-value-only", 'write only values with "--write-out=simple"');
}

const ORDERS: Readonly<Record<string, number>> = {
  "": SortOrder.NONE,
  ASCEND: SortOrder.ASCEND,
  DESCEND: SortOrder.DESCEND,
};

const TARGETS: Readonly<Record<string, number>> = {
  "": SortTarget.KEY,
  CREATE: SortTarget.CREATE,
  KEY: SortTarget.KEY,
  MODIFY: SortTarget.MOD,
  VALUE: SortTarget.VALUE,
  VERSION: SortTarget.VERSION,
};

/** Throws `KvError` where arguments or flags make no sense. */
export function rangeRequest(
  operands: readonly Uint8Array[],
  flags: RangeFlags,
): Partial<RangeRequest> {
  const limit = integerFlag("limit", flags.limit);
  const revision = integerFlag("rev", flags.rev);
  const range = keyRange("get", operands, flags);
  if (flags.keysOnly && flags.countOnly) {
    throw new KvError(
      KV_EXIT.badArguments,
      "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
    );
  }
  if (flags.consistency !== "l" && flags.consistency !== "s") {
    unsupported(`unknown consistency flag ${JSON.stringify(flags.consistency)}`);
  }
  const { order: orderName = "", sortBy = "" } = flags;
  const order = ORDERS[orderName.toUpperCase()] ?? unsupported(`bad sort order ${orderName}`);
  const sortTarget = TARGETS[sortBy.toUpperCase()] ?? unsupported(`bad sort target ${sortBy}`);
  // Keys come in this order anyway, and unsorted requests stop at their limit.
  const isNatural = sortTarget === SortTarget.KEY && order === SortOrder.ASCEND;
  return {
    ...range,
    limit,
    revision,
    sortTarget,
    sortOrder: isNatural ? SortOrder.NONE : order,
    serializable: flags.consistency === "s",
    keysOnly: flags.keysOnly ?? false,
    countOnly: flags.countOnly ?? false,
  };
}

function unsupported(message: string): never {
  throw new KvError(KV_EXIT.unsupported, message);
}
