/** `sagong scheduler`: gives pods their nodes, on any Kubernetes API server. */
import { startScheduler } from "@sagong/orchestrator";
import { controlLoopCommand } from "../daemon/control-loop.js";
import type { Command } from "../terminal.js";

interface Flags {
  readonly identity: string;
}

export const schedulerCommand: Command = (args, io) =>
  controlLoopCommand<Flags>(
    {
      name: "scheduler",
      description: "Give every pod without a node the node that suits it best.",
      declare: (program) => program,
      start: ({ identity }, dependencies) => startScheduler({ identity }, dependencies),
    },
    args,
    io,
  );
