/**
 * `sagong start`: a whole cluster on this machine in the foreground, until Ctrl-C.
 */
import { resolve } from "node:path";
import { type Clock, errorText } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import type { Transport } from "@sagong/rpc";
import { claimDataDir } from "../cluster/claim-data-dir.js";
import { type ClusterLayout, clusterLayout } from "../cluster/layout.js";
import { checkClusterOptions, ClusterError, type ClusterOptions } from "../cluster/options.js";
import { Progress } from "../cluster/progress.js";
import { runProcesses } from "../cluster/run-processes.js";
import { createProgram, parseArguments, transportOption, wholeNumber } from "../command-line.js";
import { aborted } from "../daemon/run-daemon.js";
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, type Io } from "../terminal.js";

interface Flags extends Omit<ClusterOptions, "dataDir" | "transport"> {
  readonly dataDir: string;
  readonly experimentalTransport: Transport;
}

const EXAMPLES = `
Examples:
  sagong start                                    three store members, one node, data in ./.sagong
  sagong start --single                           the same in one process: quicker, less memory
  sagong start --members 1 --nodes 3              one store member, three nodes
  sagong start --port-offset 10000 --data-dir /tmp/other    beside another cluster`;

export async function startCommand(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram("sagong start", io)
    .description("Run a whole cluster on this machine, in the foreground, until Ctrl-C.")
    .option("--data-dir <folder>", "where everything is kept", "./.sagong")
    .option("--members <n>", "store members: 1, 3 or 5", wholeNumber, 3)
    .option("--nodes <n>", "node agents", wholeNumber, 1)
    .option("--port-offset <n>", "added to every port", wholeNumber, 0)
    .option("--single", "everything in one process", false)
    .addOption(transportOption())
    .addHelpText("after", EXAMPLES);
  const exit = parseArguments(program, args);
  if (exit !== undefined) return exit;
  const { experimentalTransport: transport, ...rest } = program.opts<Flags>();
  const options: ClusterOptions = { ...rest, transport, dataDir: resolve(rest.dataDir) };
  const clock = realClock();
  const startedMs = clock.monotonicMs();
  try {
    checkClusterOptions(options);
  } catch (error) {
    io.err(`sagong start: ${errorText(error)}\n`);
    return EXIT_USAGE;
  }
  try {
    const release = await claimDataDir(options);
    try {
      await run(options, { io, clock, startedMs });
    } finally {
      release();
    }
    return EXIT_OK;
  } catch (error) {
    if (io.signal.aborted) return EXIT_OK; // Stopped while it started: all is stopped again.
    io.err(`sagong start: ${errorText(error)}\n`);
    if (!(error instanceof ClusterError) && error instanceof Error) io.err(`${error.stack}\n`);
    return EXIT_FAILURE;
  }
}

interface RunContext {
  readonly io: Io;
  readonly clock: Clock;
  readonly startedMs: number;
}

async function run(options: ClusterOptions, { io, clock, startedMs }: RunContext): Promise<void> {
  const layout = clusterLayout(options);
  const progress = new Progress(io, clock);
  const start = options.single
    ? (await import("../cluster/run-single.js")).runSingle
    : runProcesses;
  const cluster = await start(layout, {
    clock,
    progress,
    signal: io.signal,
    program: process.execPath,
    env: io.env,
  });
  io.out(summary(layout, (clock.monotonicMs() - startedMs) / 1000));
  await aborted(io.signal);
  await progress.step("\nStopping", () => cluster.close());
}

function summary(layout: ClusterLayout, seconds: number): string {
  const endpoints = layout.members.map(({ clientUrl }) => clientUrl).join(",");
  return `
The cluster is ready after ${seconds.toFixed(1)} s.

  store        ${endpoints}
  API server   ${layout.apiUrl}
  KUBECONFIG   ${layout.kubeconfig}
  logs         ${layout.logDir}

Try:
  export KUBECONFIG=${layout.kubeconfig} ETCDCTL_ENDPOINTS=${endpoints}
  etcdctl put greeting hello && etcdctl get greeting
  kubectl get nodes
  npx sagong get namespaces

Ctrl-C stops everything; the same command starts it again with all its data.
`;
}
