import type { Command as Program } from "commander";
import { readTransaction } from "../grammar/read-transaction.js";
import { KV_EXIT, KvError } from "../kv-error.js";
import type { WithSession } from "../session.js";

interface TxnFlags {
  readonly interactive?: true;
}

export function addTxnCommand(program: Program, withSession: WithSession): void {
  program
    .command("txn")
    .summary("several requests at once, if conditions hold")
    .description(
      "Reads a transaction from standard input: comparisons, requests for when all of them hold,\n" +
        "requests for when they do not; one a line, an empty line after each of the three parts.\n\n" +
        '  comparison:  TARGET("key") OPERATOR "value"\n' +
        "               TARGET    value, version, create, mod (revisions) or lease\n" +
        "               OPERATOR  =, !=, < or >\n" +
        "  request:     get, put or del with their flags; words with spaces in \"…\" or '…'",
    )
    .usage("[flags]")
    .option("-i, --interactive", "ask for the three parts")
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], { interactive }: TxnFlags) =>
      withSession(async (session) => {
        if (words.length > 0) {
          throw new KvError(KV_EXIT.badArguments, "txn command does not accept argument");
        }
        const print = session.printer("txn");
        const request = await readTransaction({
          readLine: () => session.input.readLine(),
          prompt: (text) => {
            if (interactive) session.write([`${text}\n`]);
          },
        });
        const client = await session.client();
        print(await client.txn(request, session.callOptions));
      }),
    );
}

const EXAMPLES = `
Example:
  sagong kv txn <<'END'
  version("lock") = "0"

  put lock mine

  get lock

  END`;
