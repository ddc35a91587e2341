/** What can be typed where: commands and flags, by the commands that stand before them. */
import type { Command as Program } from "commander";

export interface CompletionWords {
  /** Commands so far, as `sagong kv lease`. */
  readonly path: string;
  readonly commands: readonly string[];
  readonly flags: readonly string[];
}

/** Of `program`, which stands at `path`, and of all commands below it. */
export function wordsOfProgram(program: Program, path: string): readonly CompletionWords[] {
  const own = {
    path,
    commands: program.commands.flatMap((command) => [command.name(), ...command.aliases()]),
    flags: [...flagsOf(program), "--help"],
  };
  const below = program.commands.flatMap((command) =>
    [command.name(), ...command.aliases()].flatMap((name) =>
      wordsOfProgram(command, `${path} ${name}`),
    ),
  );
  return [own, ...below];
}

/** Flags of `program` and of those above it, which may stand behind it, too. */
function flagsOf(program: Program): readonly string[] {
  const own = program.options.flatMap(({ long }) => (long ? [long] : []));
  return program.parent ? [...own, ...flagsOf(program.parent)] : own;
}
