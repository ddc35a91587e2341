import { encodeUtf8 } from "@sagong/base";
import type { Command as Program } from "commander";
import { addPutFlags, needsValue, type PutFlags, putRequest } from "../requests/put-request.js";
import type { WithSession } from "../session.js";

export function addPutCommand(program: Program, withSession: WithSession): void {
  addPutFlags(program.command("put"))
    .summary("put a key")
    .description(
      "Puts a key. Without <value>, the value is what standard input holds, to its end.\n" +
        'A value that starts with "-" goes behind "--".',
    )
    .usage("[flags] <key> [value]")
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], flags: PutFlags) =>
      withSession(async (session) => {
        const print = session.printer("put");
        const operands = words.map(encodeUtf8);
        if (needsValue(operands, flags)) {
          const value = await session.input.readAll();
          // Nothing at all is a forgotten argument, as etcdctl has it; "" puts an empty value.
          if (value.length > 0) operands.push(value);
        }
        const client = await session.client();
        print(await client.put(putRequest(operands, flags), session.callOptions));
      }),
    );
}

const EXAMPLES = `
Examples:
  sagong kv put greeting hello
  sagong kv put greeting --prev-kv -- -1
  sagong kv put config < config.yaml
  sagong kv put session alive --lease 32695410dcc0ca06`;
