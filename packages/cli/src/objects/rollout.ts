/** `sagong rollout`: what becomes of a change of a deployment, and how to go back. */
import { createProgram } from "../command-line.js";
import { EXIT_FAILURE, EXIT_OK, type Io } from "../terminal.js";
import { rolloutChanges } from "./rollout/rollout-changes.js";
import { rolloutHistory } from "./rollout/rollout-history.js";
import { rolloutStatus } from "./rollout/rollout-status.js";
import { rolloutUndo } from "./rollout/rollout-undo.js";

type Subcommand = (args: readonly string[], io: Io) => Promise<number>;

const SUBCOMMANDS: Readonly<Record<string, { readonly run: Subcommand; readonly about: string }>> =
  {
    status: { run: rolloutStatus, about: "watch a rollout until it is done" },
    history: { run: rolloutHistory, about: "list the revisions, or show one" },
    undo: { run: rolloutUndo, about: "go back to an earlier revision" },
    restart: { run: rolloutChanges("restart"), about: "replace all pods, in the rollout's manner" },
    pause: { run: rolloutChanges("pause"), about: "let changes wait" },
    resume: { run: rolloutChanges("resume"), about: "roll out the changes that waited" },
  };

export async function rolloutCommand(args: readonly string[], io: Io): Promise<number> {
  const [name = "", ...rest] = args;
  const subcommand = SUBCOMMANDS[name];
  if (subcommand) return subcommand.run(rest, io);
  if (["", "help", "-h", "--help"].includes(name)) {
    io.out(help(io));
    return name === "" ? EXIT_FAILURE : EXIT_OK;
  }
  io.err(
    `error: unknown command "${name}", expected one of ${Object.keys(SUBCOMMANDS).join(", ")} (see sagong rollout --help)\n`,
  );
  return EXIT_FAILURE;
}

function help(io: Io): string {
  const program = createProgram("sagong rollout", io)
    .description("See and steer how a change of a deployment is rolled out.")
    .usage("<command> TYPE/NAME [flags]")
    .helpCommand(false)
    .addHelpText(
      "after",
      '\nExamples:\n  sagong rollout status deployment/web --timeout=2m\n  sagong rollout history deploy/web --revision=2\n  sagong rollout undo deploy/web\n\nUse "sagong rollout <command> --help" for the flags of a command.',
    );
  for (const [name, { about }] of Object.entries(SUBCOMMANDS)) {
    program.command(name).description(about);
  }
  let text = "";
  program.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}
