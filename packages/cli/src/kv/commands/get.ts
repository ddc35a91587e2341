import { encodeUtf8 } from "@sagong/base";
import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "../kv-error.js";
import { addRangeFlags, type RangeFlags, rangeRequest } from "../requests/range-request.js";
import type { WithSession } from "../session.js";

export function addGetCommand(program: Program, withSession: WithSession): void {
  addRangeFlags(program.command("get"))
    .summary("get a key or a range of keys")
    .description("Gets a key, or the keys from <key> up to but not including <range_end>.")
    .usage("[flags] <key> [range_end]")
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], flags: RangeFlags) =>
      withSession(async (session) => {
        const request = rangeRequest(words.map(encodeUtf8), flags);
        if (flags.printValueOnly && session.format !== "simple") {
          const message = "print-value-only is only for `--write-out=simple`";
          throw new KvError(KV_EXIT.badArguments, message);
        }
        const print = session.printer("get");
        const client = await session.client();
        const response = await client.range(request, session.callOptions);
        const show = flags.countOnly ? "count" : flags.printValueOnly ? "values" : "everything";
        print({ response, show });
      }),
    );
}

const EXAMPLES = `
Examples:
  sagong kv get greeting
  sagong kv get a z --limit 10                  keys from a up to z, ten at most
  sagong kv get /registry/ --prefix --keys-only
  sagong kv get "" --from-key --count-only      how many keys there are
  sagong kv get greeting --rev 7 -w json`;
