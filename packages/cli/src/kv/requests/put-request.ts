/** The flags of `put` and the request that they ask for. */
import { EMPTY_BYTES } from "@sagong/base";
import type { PutRequest } from "@sagong/kv/client";
import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";
import { leaseId } from "../text/integer.js";

export interface PutFlags {
  readonly lease: string;
  readonly prevKv?: true;
  readonly ignoreValue?: true;
  readonly ignoreLease?: true;
}

export function addPutFlags(program: Program): Program {
  return program
    .option("--lease <id>", "lease to attach to the key, in hexadecimal", "0")
    .option("--prev-kv", "also print the key and value as they were before")
    .option("--ignore-value", "keep the key's value, as to change its lease")
    .option("--ignore-lease", "keep the key's lease, as to change its value");
}

/** Whether the value is still to be read from standard input. */
export function needsValue(operands: readonly Uint8Array[], flags: PutFlags): boolean {
  return operands.length === 1 && flags.ignoreValue !== true;
}

/** Throws `KvError` where arguments or flags make no sense. */
export function putRequest(operands: readonly Uint8Array[], flags: PutFlags): Partial<PutRequest> {
  const [key, value] = operands;
  if (flags.ignoreValue) {
    if (value !== undefined) {
      refuse("put command needs only 1 argument when 'ignore-value' is set");
    }
  } else if (value === undefined || operands.length > 2) {
    refuse("put command needs 1 argument and input from stdin or 2 arguments");
  }
  return {
    key: key ?? refuse("put command needs 1 argument and input from stdin or 2 arguments"),
    value: value ?? EMPTY_BYTES,
    lease: leaseId(flags.lease, "lease ID"),
    prevKv: flags.prevKv ?? false,
    ignoreValue: flags.ignoreValue ?? false,
    ignoreLease: flags.ignoreLease ?? false,
  };
}

function refuse(message: string): never {
  throw new KvError(KV_EXIT.badArguments, message);
}
