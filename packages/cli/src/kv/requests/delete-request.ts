import type { DeleteRangeRequest } from "@sagong/kv/client";
import type { Command as Program } from "commander";
import { keyRange } from "./key-range.js";

export interface DeleteFlags {
  readonly prefix?: true;
  readonly fromKey?: true;
  readonly prevKv?: true;
}

export function addDeleteFlags(program: Program): Program {
  return program
    .option("--prefix", "delete keys that start with the given key")
    .option("--from-key", "delete keys from the given key on, in the order of bytes")
    .option("--prev-kv", "also print the keys and values that are deleted");
}

/** Throws `KvError` where arguments or flags make no sense. */
export function deleteRequest(
  operands: readonly Uint8Array[],
  flags: DeleteFlags,
): Partial<DeleteRangeRequest> {
  return { ...keyRange("del", operands, flags), prevKv: flags.prevKv ?? false };
}
