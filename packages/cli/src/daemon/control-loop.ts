/** The shape of a daemon that is a client of the API server only: a kubeconfig and an identity. */
import { hostname } from "node:os";
import { LOG_LEVELS, type LogLevel } from "@sagong/base";
import {
  type ComponentDependencies,
  connectWithKubeconfig,
  type RunningComponent,
} from "@sagong/orchestrator";
import { type Command as Program, Option } from "commander";
import { createProgram, parseArguments } from "../command-line.js";
import type { Io } from "../terminal.js";
import { runDaemon } from "./run-daemon.js";

export interface ControlLoop<Flags> {
  readonly name: string;
  readonly description: string;
  /** Adds the component's own flags. */
  readonly declare: (program: Program) => Program;
  readonly start: (flags: Flags, dependencies: ComponentDependencies) => RunningComponent;
}

interface CommonFlags {
  readonly kubeconfig: string;
  readonly identity: string;
  readonly logLevel: LogLevel;
}

export async function controlLoopCommand<Flags extends { readonly identity: string }>(
  loop: ControlLoop<Flags>,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const program = loop
    .declare(createProgram(`sagong ${loop.name}`, io))
    .description(loop.description)
    .option("--kubeconfig <file>", "how to reach the API server", "kubeconfig")
    .option(
      "--identity <name>",
      "name in the leader election; the same again after a restart",
      hostname(),
    )
    .addOption(
      new Option("--log-level <level>", "least level logged").choices(LOG_LEVELS).default("info"),
    )
    .addHelpText(
      "after",
      `\nExamples:\n  sagong ${loop.name} --kubeconfig .sagong/pki/${loop.name}.kubeconfig`,
    );
  const exit = parseArguments(program, args);
  if (exit !== undefined) return exit;
  const { kubeconfig, logLevel } = program.opts<CommonFlags>();
  return runDaemon(
    {
      name: loop.name,
      logLevel,
      start: (surroundings) => {
        const { client } = connectWithKubeconfig(kubeconfig, surroundings);
        const component = loop.start(program.opts<Flags>(), { ...surroundings, client });
        return Promise.resolve({
          close: async () => {
            await component.close();
            await client.close();
          },
        });
      },
    },
    io,
  );
}
