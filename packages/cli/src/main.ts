/** The `sagong` program: the only file that touches `process`. Dispatches to one command. */
import { storeCommand } from "./commands/store.js";
import { type Command, EXIT_USAGE, type Io } from "./terminal.js";

const COMMANDS: Readonly<Record<string, Command>> = { store: storeCommand };

const [name = "", ...args] = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  stdin: process.stdin,
  isTerminal: process.stdout.isTTY,
  columns: process.stdout.columns,
  signal: stop.signal,
};
const command = COMMANDS[name];
if (command) {
  process.exitCode = await command(args, io);
} else {
  io.err(
    `sagong: unknown command "${name}", expected one of ${Object.keys(COMMANDS).join(", ")}\n`,
  );
  process.exitCode = EXIT_USAGE;
}
