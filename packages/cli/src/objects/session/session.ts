/**
 * What a command of objects works with: the connection that its flags and kubeconfig name, the
 * namespace, time. And the frame around every such command: parse, connect, do, tell the error.
 */
import type { Clock } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { RestConnection } from "@sagong/orchestrator/client";
import type { Command as Program } from "commander";
import { createProgram, parseArguments } from "../../command-line.js";
import { EXIT_FAILURE, EXIT_OK, type Io } from "../../terminal.js";
import { ApiCalls } from "./api-calls.js";
import { goDurationMs, kubectlArguments } from "./arguments.js";
import { discover, type ResourceMap } from "./discovery.js";
import { errorLine } from "./errors.js";
import { findKubeconfig } from "./kubeconfig-path.js";

export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly requestTimeout: number;
}

export interface Session {
  readonly calls: ApiCalls;
  readonly resources: ResourceMap;
  /** Of the flag, else of the kubeconfig's context. */
  readonly namespace: string;
  /** Whether the flag was given: an object of another namespace is then refused. */
  readonly isNamespaceGiven: boolean;
  readonly clock: Clock;
  readonly io: Io;
  /** Aborted by Ctrl-C and by --request-timeout. */
  readonly signal: AbortSignal;
}

export interface ObjectCommand<F> {
  /** Behind `sagong`: `get`, `rollout status`. */
  readonly name: string;
  readonly description: string;
  readonly usage: string;
  readonly examples: readonly string[];
  readonly declare: (program: Program) => Program;
  /** Flags with an optional value behind `=`, see `kubectlArguments`. */
  readonly optionals?: Readonly<Record<string, string>>;
  /** Before anything is connected: faults of the command line. */
  readonly check?: (words: readonly string[], flags: F) => void;
  readonly run: (
    session: Session,
    words: readonly string[],
    flags: F & ConnectionFlags,
  ) => Promise<void>;
}

/** What a shell reports for a program that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

export async function runObjectCommand<F>(
  command: ObjectCommand<F>,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const program = declareConnection(
    command.declare(createProgram(`sagong ${command.name}`, io)),
    command,
  );
  const exit = parseArguments(program, kubectlArguments(args, command.optionals));
  if (exit !== undefined) return exit;
  const flags = program.opts<F & ConnectionFlags>();
  try {
    command.check?.(program.args, flags);
    return await connected(command, program.args, { flags, io });
  } catch (error) {
    if (io.signal.aborted) return EXIT_INTERRUPTED;
    io.err(`${errorLine(error)}\n`);
    return EXIT_FAILURE;
  }
}

function declareConnection<F>(program: Program, command: ObjectCommand<F>): Program {
  return program
    .description(command.description)
    .usage(command.usage)
    .argument("[words...]")
    .configureHelp({ visibleArguments: () => [] })
    .option("-n, --namespace <name>", "namespace; default: the one of the kubeconfig's context")
    .option(
      "--kubeconfig <file>",
      "default: $KUBECONFIG, ./.sagong/kubeconfig, then ~/.kube/config",
    )
    .option("--context <name>", "context of the kubeconfig; default: its current one")
    .option(
      "--request-timeout <duration>",
      "end the command's requests after so long; 0 never does",
      goDurationMs,
      0,
    )
    .addHelpText(
      "after",
      `\nExamples:\n${command.examples.map((example) => `  ${example}`).join("\n")}`,
    );
}

async function connected<F>(
  command: ObjectCommand<F>,
  words: readonly string[],
  { flags, io }: { readonly flags: F & ConnectionFlags; readonly io: Io },
): Promise<number> {
  const config = findKubeconfig({
    kubeconfig: flags.kubeconfig,
    context: flags.context,
    env: io.env,
  });
  const clock = realClock();
  const limit = deadline(clock, { ms: flags.requestTimeout, signal: io.signal });
  const connection = new RestConnection(config);
  try {
    const calls = new ApiCalls(connection, {
      onWarning: (text) => io.err(`Warning: ${text}\n`),
      signal: limit.signal,
    });
    const session: Session = {
      calls,
      resources: await discover(calls),
      namespace: flags.namespace ?? config.namespace,
      isNamespaceGiven: flags.namespace !== undefined,
      clock,
      io,
      signal: limit.signal,
    };
    await command.run(session, words, flags);
    return EXIT_OK;
  } finally {
    limit.cancel();
    connection.close();
  }
}

export interface Deadline {
  /** Aborted by the deadline or by the signal that it was made from, whichever comes first. */
  readonly signal: AbortSignal;
  readonly hasPassed: () => boolean;
  readonly cancel: () => void;
}

/** `ms` of 0 or less never passes. */
export function deadline(
  clock: Clock,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
): Deadline {
  if (ms <= 0) return { signal, hasPassed: () => false, cancel: () => {} };
  const controller = new AbortController();
  const timer = clock.schedule(ms, () => controller.abort(new TimeoutError()));
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    hasPassed: () => controller.signal.aborted,
    cancel: () => timer.cancel(),
  };
}

export class TimeoutError extends Error {
  override readonly name: string = "TimeoutError";

  constructor() {
    super("timed out");
  }
}
