/**
 * `sagong kv`: the store from the command line, with etcdctl's commands, flags, outputs and exit
 * codes (3.4 and 3.5), so that scripts need only another name. Refusals are one sentence.
 */
import { RpcError, StatusCode } from "@sagong/rpc";
import type { Command as Program } from "commander";
import type { Io } from "../terminal.js";
import { addGlobalFlags, type GlobalFlags, normalizeArguments } from "./arguments.js";
import { addCompactionCommand } from "./commands/compaction.js";
import { addDelCommand } from "./commands/del.js";
import { addEndpointCommands } from "./commands/endpoint.js";
import { addGetCommand } from "./commands/get.js";
import { asGroup } from "./commands/group.js";
import { addLeaseCommands } from "./commands/lease.js";
import { addMemberCommands } from "./commands/member.js";
import { addPutCommand } from "./commands/put.js";
import { addTxnCommand } from "./commands/txn.js";
import { addWatchCommand } from "./commands/watch.js";
import { errorSentence } from "./error-sentence.js";
import { KV_EXIT, KvError } from "./kv-error.js";
import { createProgram, runProgram } from "./program.js";
import { Session, type WithSession } from "./session.js";

export async function kvCommand(args: readonly string[], io: Io): Promise<number> {
  try {
    const normalized = normalizeArguments(args, io.env);
    await runProgram(kvProgram(normalized, io), normalized);
    return KV_EXIT.ok;
  } catch (error) {
    return report(error, io);
  }
}

export function kvProgram(args: readonly string[], io: Io): Program {
  const program = addGlobalFlags(asGroup(createProgram("sagong kv", io), "sagong kv"))
    .description("The store from the command line: commands, flags and outputs as etcdctl's.")
    .usage("[flags] <command>")
    .addHelpText("after", EXAMPLES);
  const withSession: WithSession = async (action) => {
    const session = new Session(program.opts<GlobalFlags>(), io);
    try {
      await action(session);
    } finally {
      await session.close();
    }
  };
  addPutCommand(program, withSession);
  addGetCommand(program, withSession);
  addDelCommand(program, withSession);
  addTxnCommand(program, withSession);
  addWatchCommand(program, withSession, { wordsAfterDashes: wordsAfterDashes(args) });
  addCompactionCommand(program, withSession);
  addLeaseCommands(program, withSession);
  addEndpointCommands(program, withSession);
  addMemberCommands(program, withSession);
  return program;
}

/** commander drops the first `--`; a watch must know what came after it. */
function wordsAfterDashes(args: readonly string[]): number {
  const at = args.indexOf("--");
  return at < 0 ? 0 : args.length - at - 1;
}

function report(error: unknown, io: Io): number {
  if (error instanceof KvError) {
    if (error.isPrinted) io.err(`Error: ${error.message}\n`);
    return error.exitCode;
  }
  if (!(error instanceof RpcError)) throw error;
  io.err(`Error: ${errorSentence(error)}\n`);
  return error.code === StatusCode.cancelled && io.signal.aborted
    ? KV_EXIT.interrupted
    : KV_EXIT.failure;
}

const EXAMPLES = `
Environment:
  ETCDCTL_ENDPOINTS, ETCDCTL_WRITE_OUT, …: flags in capitals, which given flags override.

Examples:
  sagong kv put greeting hello
  sagong kv get greeting -w json
  sagong kv get /registry --prefix --keys-only
  sagong kv watch greeting
  sagong kv endpoint status --cluster -w table

Use "sagong kv <command> --help" for the flags of a command.`;
