import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";
import type { WithSession } from "../session.js";
import { parseSafeInteger } from "../text/integer.js";

export function addCompactionCommand(program: Program, withSession: WithSession): void {
  program
    .command("compaction")
    .alias("compact")
    .summary("forget the history before a revision")
    .description("Forgets what keys were before <revision>.")
    .usage("[flags] <revision>")
    .option("--physical", "wait until the old revisions are gone from the disk")
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], { physical = false }: { physical?: boolean }) =>
      withSession(async (session) => {
        const [word] = words;
        if (word === undefined || words.length > 1) {
          throw new KvError(KV_EXIT.badArguments, "compaction command needs 1 argument");
        }
        const parsed = parseSafeInteger(word);
        if (parsed.kind === "error") throw new KvError(KV_EXIT.failure, parsed.error);
        const revision = parsed.value;
        const client = await session.client();
        await client.compact({ revision, physical }, session.callOptions);
        session.write([`compacted revision ${revision}\n`]);
      }),
    );
}

const EXAMPLES = `
Example:
  sagong kv compaction 1000`;
