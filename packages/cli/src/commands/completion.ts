/** `sagong completion bash|zsh|fish`: a script that completes commands and flags. */
import { type CompletionWords, wordsOfProgram } from "../completion/completion-words.js";
import { completionScript, SHELLS } from "../completion/shell-scripts.js";
import { kvProgram } from "../kv/kv-command.js";
import { type Command, EXIT_OK, EXIT_USAGE, type Io } from "../terminal.js";

/** For a program with these commands. */
export function completionCommand(commands: readonly string[]): Command {
  return (args, io) => Promise.resolve(complete(commands, args, io));
}

function complete(commands: readonly string[], args: readonly string[], io: Io): number {
  const [name = ""] = args;
  if (name === "" || name === "-h" || name === "--help") {
    io.out(HELP);
    return name === "" ? EXIT_USAGE : EXIT_OK;
  }
  const shell = SHELLS.find((known) => known === name);
  if (shell === undefined || args.length > 1) {
    const given = JSON.stringify(args.join(" "));
    io.err(`sagong completion: unknown shell ${given}, expected ${SHELLS.join(", ")}\n`);
    return EXIT_USAGE;
  }
  io.out(completionScript(shell, wordsOf(commands, io)));
  return EXIT_OK;
}

function wordsOf(commands: readonly string[], io: Io): readonly CompletionWords[] {
  const others = commands.filter((name) => name !== "kv" && name !== "completion");
  return [
    { path: "sagong", commands, flags: ["--help"] },
    ...wordsOfProgram(kvProgram([], io), "sagong kv"),
    { path: "sagong completion", commands: SHELLS, flags: ["--help"] },
    // Known, so that words behind them are not taken for commands; their flags are their own.
    ...others.map((name) => ({ path: `sagong ${name}`, commands: [], flags: ["--help"] })),
  ];
}

const HELP = `Prints a script that completes the commands and flags of sagong.

Usage: sagong completion bash|zsh|fish

Examples:
  source <(sagong completion bash)
  sagong completion zsh > "\${fpath[1]}/_sagong"
  sagong completion fish > ~/.config/fish/completions/sagong.fish
`;
