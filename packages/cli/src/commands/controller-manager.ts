/** `sagong controller-manager`: the control loops, on any Kubernetes API server. */
import type { ControllerManagerOptions } from "@sagong/orchestrator";
import { startControllerManager } from "@sagong/orchestrator";
import { controlLoopCommand } from "../daemon/control-loop.js";
import { durationMs } from "../command-line.js";
import type { Command } from "../terminal.js";

interface Flags {
  readonly identity: string;
  readonly nodeMonitorPeriod: number;
  readonly nodeMonitorGracePeriod: number;
}

export const controllerManagerCommand: Command = (args, io) =>
  controlLoopCommand<Flags>(
    {
      name: "controller-manager",
      description:
        "Run the controllers: deployments, replica sets, endpoint slices, namespaces, garbage collection, nodes, service accounts.",
      declare: (program) =>
        program
          .option(
            "--node-monitor-period <duration>",
            "how often nodes are looked at",
            durationMs,
            5_000,
          )
          .option(
            "--node-monitor-grace-period <duration>",
            "silence after which a node is unhealthy",
            durationMs,
            50_000,
          ),
      start: (flags, dependencies) => startControllerManager(optionsOf(flags), dependencies),
    },
    args,
    io,
  );

function optionsOf(flags: Flags): ControllerManagerOptions {
  return {
    identity: flags.identity,
    nodeLifecycle: {
      monitorMs: flags.nodeMonitorPeriod,
      graceMs: flags.nodeMonitorGracePeriod,
    },
  };
}
