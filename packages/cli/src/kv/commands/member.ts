import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";
import type { WithSession } from "../session.js";
import { asGroup } from "./group.js";

export function addMemberCommands(program: Program, withSession: WithSession): void {
  asGroup(program.command("member"), "sagong kv member")
    .description("Members of the store.")
    .usage("<command>")
    .addHelpText("after", EXAMPLES)
    .command("list")
    .description(
      "Lists the members: id, status, name, peer URLs, client URLs, whether it is a learner.",
    )
    .usage("[flags]")
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[]) =>
      withSession(async (session) => {
        if (words.length > 0) {
          throw new KvError(KV_EXIT.badArguments, "member list command does not accept argument");
        }
        const print = session.printer("member list");
        const client = await session.client();
        print(await client.memberList(session.callOptions));
      }),
    );
}

const EXAMPLES = `
Example:
  sagong kv member list -w table`;
