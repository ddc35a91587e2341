import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";

/** Makes `group` show its help, and refuse words that are none of its commands. */
export function asGroup(group: Program, name: string): Program {
  return group.argument("[command...]").action((words: readonly string[]) => {
    const [word] = words;
    if (word === undefined) return group.outputHelp();
    const message = `unknown command ${JSON.stringify(word)} for ${JSON.stringify(name)}`;
    throw new KvError(KV_EXIT.failure, message);
  });
}
