import { encodeUtf8 } from "@sagong/base";
import type { Command as Program } from "commander";
import { addDeleteFlags, type DeleteFlags, deleteRequest } from "../requests/delete-request.js";
import type { WithSession } from "../session.js";

export function addDelCommand(program: Program, withSession: WithSession): void {
  addDeleteFlags(program.command("del"))
    .summary("delete a key or a range of keys")
    .description("Deletes a key, or the keys from <key> up to but not including <range_end>.")
    .usage("[flags] <key> [range_end]")
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], flags: DeleteFlags) =>
      withSession(async (session) => {
        const request = deleteRequest(words.map(encodeUtf8), flags);
        const print = session.printer("del");
        const client = await session.client();
        print(await client.deleteRange(request, session.callOptions));
      }),
    );
}

const EXAMPLES = `
Examples:
  sagong kv del greeting
  sagong kv del /tmp/ --prefix --prev-kv`;
