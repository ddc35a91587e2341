/** `sagong node`: the node agent. Its serving certificate is the one it shows as a client. */
import { hostname } from "node:os";
import { join } from "node:path";
import { LOG_LEVELS, type LogLevel } from "@sagong/base";
import { SAGONG_VERSION } from "@sagong/kv";
import {
  connectWithKubeconfig,
  KubeconfigError,
  openProcessRuntime,
  startNodeAgent,
} from "@sagong/orchestrator";
import { Option } from "commander";
import {
  createProgram,
  durationMs,
  parseArguments,
  portNumber,
  wholeNumber,
} from "../command-line.js";
import { hostEnvironment } from "../daemon/host-environment.js";
import { type RunningDaemon, runDaemon, type Surroundings } from "../daemon/run-daemon.js";
import type { Io } from "../terminal.js";

interface Flags {
  readonly kubeconfig: string;
  readonly nodeName: string;
  readonly dataDir: string;
  readonly address: string;
  readonly port: number;
  readonly podCidr: string;
  readonly maxPods: number;
  readonly shutdownGracePeriod: number;
  readonly logLevel: LogLevel;
}

export async function nodeCommand(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram("sagong node", io)
    .description("Run this machine's pods as host processes and serve their logs.")
    .option(
      "--kubeconfig <file>",
      "how to reach the API server, with the node's certificate",
      "kubeconfig",
    )
    .option("--node-name <name>", "name of the node object", hostname().toLowerCase())
    .option("--data-dir <folder>", "pods' folders and logs", "node")
    .option("--address <ip>", "the node's address; the log server listens there", "127.0.0.1")
    .option("--port <port>", "port of the log server", portNumber, 10_250)
    .option("--pod-cidr <cidr>", "pod addresses: a /16 of 127.0.0.0/8", "127.64.0.0/16")
    .option("--max-pods <n>", "pods that the node takes", wholeNumber, 110)
    .option(
      "--shutdown-grace-period <duration>",
      "end all pods when the agent is stopped, each with so long to end; 0 leaves them running for the next agent",
      durationMs,
      0,
    )
    .addOption(
      new Option("--log-level <level>", "least level logged").choices(LOG_LEVELS).default("info"),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  sagong node --node-name node-1 --kubeconfig .sagong/pki/node-1.kubeconfig --data-dir .sagong/node-1",
    );
  const exit = parseArguments(program, args);
  if (exit !== undefined) return exit;
  const flags = program.opts<Flags>();
  return runDaemon(
    { name: "node", logLevel: flags.logLevel, start: (around) => start(flags, around, io) },
    io,
  );
}

async function start(flags: Flags, surroundings: Surroundings, io: Io): Promise<RunningDaemon> {
  const { client, config } = connectWithKubeconfig(flags.kubeconfig, surroundings);
  const { caData: ca, certData: cert, keyData: key } = config;
  if (!ca || !cert || !key) {
    throw new KubeconfigError(
      `Cannot use kubeconfig ${flags.kubeconfig}: a node needs a certificate authority and a client certificate with its key`,
    );
  }
  const runtime = await openProcessRuntime(
    { rootDir: join(flags.dataDir, "runtime"), podCidr: flags.podCidr },
    surroundings,
  );
  const server = new URL(config.server);
  const agent = await startNodeAgent(
    {
      nodeName: flags.nodeName,
      dataDir: flags.dataDir,
      address: flags.address,
      port: flags.port,
      tls: { ca, cert, key },
      podCidr: flags.podCidr,
      maxPods: flags.maxPods,
      apiServer: { host: server.hostname, port: Number(server.port || 443) },
      agentVersion: SAGONG_VERSION,
      shutdownGraceMs: flags.shutdownGracePeriod,
      hostEnv: hostEnvironment(io.env),
    },
    { ...surroundings, client, runtime },
  );
  return {
    close: async () => {
      await agent.close();
      await client.close();
    },
  };
}
