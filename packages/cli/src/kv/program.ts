/**
 * commander as a parser that neither prints refusals nor exits: they are thrown as one sentence in
 * the words of etcdctl's own parser (spf13/cobra), which scripts may look for.
 */
import { Command as Program, CommanderError } from "commander";
import { KV_EXIT, KvError } from "./kv-error.js";

export interface ProgramOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly columns: number | undefined;
}

const HELP_COLUMNS = 100;

/** Commands made with its `command()` inherit the settings. */
export function createProgram(name: string, output: ProgramOutput): Program {
  return new Program(name)
    .exitOverride()
    .showSuggestionAfterError(false)
    .helpCommand(false)
    .helpOption("-h, --help", "show this help")
    .configureHelp({
      showGlobalOptions: true,
      // Without "[options] [words...]", which says nothing.
      subcommandTerm: (command) => [command.name(), ...command.aliases()].join(", "),
    })
    .configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      getOutHelpWidth: () => output.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => output.columns ?? HELP_COLUMNS,
      outputError: () => {},
    });
}

/** For programs whose actions are synchronous. Throws `KvError`; help has been printed. */
export function parseProgram(program: Program, args: readonly string[]): void {
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    translate(error, program);
  }
}

/** The same, waiting for the action. */
export async function runProgram(program: Program, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    translate(error, program);
  }
}

/** Returns where help was asked for, and throws otherwise. */
function translate(error: unknown, program: Program): void {
  if (!(error instanceof CommanderError)) throw error;
  if (error.code === "commander.helpDisplayed") return;
  throw new KvError(KV_EXIT.failure, sentence(error, program));
}

function sentence({ code, message }: CommanderError, program: Program): string {
  const [, subject = ""] = /'([^']*)'/.exec(message) ?? [];
  switch (code) {
    case "commander.unknownOption":
      return unknownFlag(subject);
    case "commander.optionMissingArgument":
      return `flag needs an argument: ${/--[\w-]+/.exec(subject)?.[0] ?? subject}`;
    case "commander.unknownCommand":
      return `unknown command ${JSON.stringify(subject)} for ${JSON.stringify(program.name())}`;
    default:
      return message.replace(/^error: /, "");
  }
}

function unknownFlag(flag: string): string {
  if (flag.startsWith("--")) return `unknown flag: ${flag.replace(/=.*$/s, "")}`;
  return `unknown shorthand flag: '${flag.charAt(1)}' in ${flag}`;
}
