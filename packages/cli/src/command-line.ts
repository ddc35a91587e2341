/**
 * A commander program run as a value: it neither prints by itself nor ends the process, so that
 * every command is `(args, io) => exit code`.
 */
import { parseDurationMs } from "@sagong/base";
import { DEFAULT_TRANSPORT, TRANSPORTS } from "@sagong/rpc";
import { Command as Program, CommanderError, InvalidArgumentError, Option } from "commander";
import { EXIT_OK, EXIT_USAGE, type Io } from "./terminal.js";

/** A program named `sagong <name>` that writes to `io` and throws instead of exiting. */
export function createProgram(name: string, io: Io): Program {
  return configure(new Program(name), io);
}

/** Must be called for subcommands too: commander hands the settings down only at creation. */
function configure(program: Program, io: Io): Program {
  return program
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => io.columns ?? 100,
      getErrHelpWidth: () => io.columns ?? 100,
      outputError: (text, write) => write(`${program.name()}: ${text.replace(/^error: /, "")}`),
    })
    .showHelpAfterError(`(see ${program.name()} --help)`)
    .helpOption("-h, --help", "show this help");
}

/**
 * Parses `args`. Undefined where the program is to go on; otherwise the exit code with which help
 * or a refusal, which are printed by then, end it.
 */
export function parseArguments(program: Program, args: readonly string[]): number | undefined {
  try {
    program.parse(args, { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
}

/** What carries gRPC and HTTP/2; `flags.experimentalTransport`, a `Transport`. */
export function transportOption(): Option {
  return new Option(
    "--experimental-transport <name>",
    "what carries gRPC and HTTP/2: Sagong's own, or the reference",
  )
    .choices(TRANSPORTS)
    .default(DEFAULT_TRANSPORT);
}

export function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected a whole number.");
}

export function portNumber(text: string): number {
  const value = wholeNumber(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError("Expected a port from 0 to 65535.");
}

/** Go's durations, none below 0. */
export function durationMs(text: string): number {
  const value = parseDurationMs(text);
  if (value !== undefined && value >= 0) return value;
  throw new InvalidArgumentError("Expected a duration such as 500ms, 30s or 5m.");
}

export function urlList(text: string): readonly string[] {
  const urls = text.split(",").map((url) => url.trim());
  for (const url of urls) {
    if (!URL.canParse(url) || !/^https?:/.test(url)) {
      throw new InvalidArgumentError(`Expected http:// or https:// URLs, found "${url}".`);
    }
  }
  return urls;
}
