/**
 * The `sagong` program: the only file that touches `process`. Dispatches to one command; each is
 * loaded only when it is called, so that none waits for what the others need.
 */
import { sagongHelp } from "./commands/help.js";
import { type Command, EXIT_OK, EXIT_USAGE, type Io } from "./terminal.js";

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import("./commands/start.js")).startCommand,
  store: async () => (await import("./commands/store.js")).storeCommand,
  apiserver: async () => (await import("./commands/apiserver.js")).apiserverCommand,
  "controller-manager": async () =>
    (await import("./commands/controller-manager.js")).controllerManagerCommand,
  scheduler: async () => (await import("./commands/scheduler.js")).schedulerCommand,
  node: async () => (await import("./commands/node.js")).nodeCommand,
  kv: async () => (await import("./kv/kv-command.js")).kvCommand,
  apply: async () => (await import("./objects/apply.js")).applyCommand,
  get: async () => (await import("./objects/get.js")).getCommand,
  describe: async () => (await import("./objects/describe.js")).describeCommand,
  delete: async () => (await import("./objects/delete.js")).deleteCommand,
  logs: async () => (await import("./objects/logs.js")).logsCommand,
  scale: async () => (await import("./objects/scale.js")).scaleCommand,
  rollout: async () => (await import("./objects/rollout.js")).rolloutCommand,
  wait: async () => (await import("./objects/wait.js")).waitCommand,
  completion: async () =>
    (await import("./commands/completion.js")).completionCommand(Object.keys(COMMANDS)),
};

const [name = "", ...args] = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
if (process.env["SAGONG_SUPERVISED"] !== undefined) {
  // A supervisor holds the other end: when it is gone, however it went, there is an end of file.
  process.stdin.once("close", () => stop.abort());
  process.stdin.resume();
}
// Whoever read us is gone (`| head`, a supervisor that was killed): there is nobody left to tell.
process.stdout.on("error", () => stop.abort());
process.stderr.on("error", () => stop.abort());
const io: Io = {
  out: (text) => void process.stdout.write(text),
  outBytes: (bytes) => void process.stdout.write(bytes),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  stdin: process.stdin,
  isTerminal: process.stdout.isTTY,
  columns: process.stdout.columns,
  signal: stop.signal,
};
const load = COMMANDS[name];
if (load) {
  const command = await load();
  process.exitCode = await command(args, io);
  process.stdin.destroy(); // Or the supervisor's pipe, or a read that still waits, would keep us.
} else if (["", "help", "-h", "--help"].includes(name)) {
  io.out(sagongHelp());
  process.exitCode = name === "" ? EXIT_USAGE : EXIT_OK;
} else {
  io.err(`sagong: unknown command "${name}" (see sagong --help)\n`);
  process.exitCode = EXIT_USAGE;
}
