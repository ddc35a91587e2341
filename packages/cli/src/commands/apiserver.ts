/** `sagong apiserver`: the Kubernetes API on a store cluster, ours or etcd. */
import { LOG_LEVELS, type LogLevel } from "@sagong/base";
import { ETCD_API_VERSION, SAGONG_VERSION } from "@sagong/kv";
import { startApiServer } from "@sagong/orchestrator";
import type { Transport } from "@sagong/rpc";
import { Option } from "commander";
import {
  createProgram,
  durationMs,
  parseArguments,
  portNumber,
  transportOption,
  urlList,
} from "../command-line.js";
import { runDaemon } from "../daemon/run-daemon.js";
import type { Io } from "../terminal.js";

interface Flags {
  readonly etcdServers: readonly string[];
  readonly bindAddress: string;
  readonly securePort: number;
  readonly objectPort: number;
  readonly etcdCompactionInterval: number;
  readonly certDir: string;
  readonly kubeconfig: string;
  readonly experimentalTransport: Transport;
  readonly logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  # on three members of a store (sagong store, or etcd)
  sagong apiserver --etcd-servers http://127.0.0.1:2379,http://127.0.0.1:2479,http://127.0.0.1:2579
  KUBECONFIG=./kubeconfig kubectl get namespaces

The store speaks etcd ${ETCD_API_VERSION}. The folder of --cert-dir holds the cluster's CA: keep it.`;

export async function apiserverCommand(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram("sagong apiserver", io)
    .description("Serve the Kubernetes API over HTTPS, keeping objects in an etcd v3 store.")
    .option("--etcd-servers <urls>", "client URLs of the store's members", urlList, [
      "http://127.0.0.1:2379",
    ])
    .option(
      "--etcd-compaction-interval <duration>",
      "how much of the store's history is kept; 0 for all of it",
      durationMs,
      300_000,
    )
    .option("--bind-address <ip>", "address to listen on", "127.0.0.1")
    .option("--secure-port <port>", "port of the Kubernetes API (HTTPS)", portNumber, 6443)
    .option("--object-port <port>", "port of the components' gRPC service (mTLS)", portNumber, 6444)
    .option("--cert-dir <folder>", "the CA and certificates; made on first start", "pki")
    .option("--kubeconfig <file>", "where the admin's kubeconfig is written", "kubeconfig")
    .addOption(transportOption())
    .addOption(
      new Option("--log-level <level>", "least level logged").choices(LOG_LEVELS).default("info"),
    )
    .addHelpText("after", EXAMPLES);
  const exit = parseArguments(program, args);
  if (exit !== undefined) return exit;
  const flags = program.opts<Flags>();
  return runDaemon(
    {
      name: "apiserver",
      logLevel: flags.logLevel,
      start: (surroundings) =>
        startApiServer(
          {
            storeEndpoints: flags.etcdServers,
            pkiDir: flags.certDir,
            kubeconfig: flags.kubeconfig,
            bindAddress: flags.bindAddress,
            securePort: flags.securePort,
            objectPort: flags.objectPort,
            compactionIntervalMs: flags.etcdCompactionInterval,
            version: SAGONG_VERSION,
            transport: flags.experimentalTransport,
          },
          surroundings,
        ),
    },
    io,
  );
}
