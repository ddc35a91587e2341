/**
 * The flags of `sagong store`, as data: name, value, default and help in one row each. The
 * environment variable of a flag is `ETCD_` and its name in capitals, as in etcd.
 */
import { DEFAULT_TRANSPORT } from "@sagong/rpc";
import { STORE_DEFAULTS } from "./store-config.js";

export type FlagName =
  | "name"
  | "data-dir"
  | "listen-client-urls"
  | "advertise-client-urls"
  | "listen-peer-urls"
  | "initial-advertise-peer-urls"
  | "listen-metrics-urls"
  | "initial-cluster"
  | "initial-cluster-state"
  | "initial-cluster-token"
  | "heartbeat-interval"
  | "election-timeout"
  | "snapshot-count"
  | "snapshot-catchup-entries"
  | "quota-backend-bytes"
  | "max-request-bytes"
  | "max-txn-ops"
  | "watch-progress-notify-interval"
  | "log-level"
  | "experimental-transport";

export interface FlagRow {
  readonly name: FlagName;
  readonly default: string;
  readonly help: string;
}

export const STORE_FLAGS: readonly FlagRow[] = [
  {
    name: "name",
    default: STORE_DEFAULTS.name,
    help: "Human-readable name for this member.",
  },
  {
    name: "data-dir",
    default: "${name}.etcd",
    help: "Path to the data directory.",
  },
  {
    name: "listen-client-urls",
    default: STORE_DEFAULTS.clientUrl,
    help: "URLs to listen on for client traffic: gRPC and HTTP on one port.",
  },
  {
    name: "advertise-client-urls",
    default: STORE_DEFAULTS.clientUrl,
    help: "This member's client URLs as told to clients by MemberList.",
  },
  {
    name: "listen-peer-urls",
    default: STORE_DEFAULTS.peerUrl,
    help: "URLs to listen on for traffic of other members.",
  },
  {
    name: "initial-advertise-peer-urls",
    default: STORE_DEFAULTS.peerUrl,
    help: "This member's peer URLs as the rest of the cluster reaches them.",
  },
  {
    name: "listen-metrics-urls",
    default: "",
    help: "Further URLs that answer /metrics, /health, /livez and /readyz only.",
  },
  {
    name: "initial-cluster",
    default: `${STORE_DEFAULTS.name}=${STORE_DEFAULTS.peerUrl}`,
    help: "All members as name=peerURL,name=peerURL; a member with two URLs has two rows.",
  },
  {
    name: "initial-cluster-state",
    default: "new",
    help: "'new', or 'existing' for a member whose data directory is there already.",
  },
  {
    name: "initial-cluster-token",
    default: STORE_DEFAULTS.clusterToken,
    help: "Keeps clusters apart that use the same URLs; part of every id.",
  },
  {
    name: "heartbeat-interval",
    default: String(STORE_DEFAULTS.heartbeatIntervalMs),
    help: "Time (in milliseconds) of a heartbeat interval.",
  },
  {
    name: "election-timeout",
    default: String(STORE_DEFAULTS.electionTimeoutMs),
    help: "Time (in milliseconds) for an election to timeout.",
  },
  {
    name: "snapshot-count",
    default: String(STORE_DEFAULTS.snapshotCount),
    help: "Number of applied entries after which the log is cut.",
  },
  {
    name: "snapshot-catchup-entries",
    default: String(STORE_DEFAULTS.snapshotCatchUpEntries),
    help: "Number of entries kept when the log is cut, for members that are a little behind.",
  },
  {
    name: "quota-backend-bytes",
    default: "0",
    help: "Size of the store at which writes are refused (0 means 2 GiB, negative no limit).",
  },
  {
    name: "max-request-bytes",
    default: String(STORE_DEFAULTS.maxRequestBytes),
    help: "Largest client request in bytes.",
  },
  {
    name: "max-txn-ops",
    default: String(STORE_DEFAULTS.maxTxnOps),
    help: "Maximum number of operations in a transaction.",
  },
  {
    name: "watch-progress-notify-interval",
    default: "10m",
    help: "How often watches with progress_notify hear from a quiet store (as 500ms, 10s, 10m).",
  },
  {
    name: "log-level",
    default: "info",
    help: "debug, info, warn or error.",
  },
  {
    name: "experimental-transport",
    default: DEFAULT_TRANSPORT,
    help: "What carries gRPC: http2, Sagong's own, or grpc-js, the reference.",
  },
];

export function environmentName(flag: string): string {
  return `ETCD_${flag.replaceAll("-", "_").toUpperCase()}`;
}

/** Flags of etcd that we know and do not have, so that the refusal can say which it is. */
export const UNSUPPORTED_ETCD_FLAGS: ReadonlySet<string> = new Set(
  `wal-dir max-snapshots max-wals backend-batch-interval backend-batch-limit
   max-concurrent-streams grpc-keepalive-min-time grpc-keepalive-interval
   grpc-keepalive-timeout discovery discovery-fallback discovery-proxy discovery-srv
   discovery-srv-name strict-reconfig-check pre-vote auto-compaction-retention
   auto-compaction-mode initial-election-tick-advance cert-file key-file client-cert-auth
   client-crl-file trusted-ca-file client-cert-allowed-hostname auto-tls peer-cert-file
   peer-key-file peer-client-cert-auth peer-trusted-ca-file peer-cert-allowed-cn
   peer-auto-tls peer-crl-file cipher-suites cors host-whitelist logger log-outputs
   enable-pprof metrics auth-token bcrypt-cost auth-token-ttl force-new-cluster
   unsafe-no-fsync config-file enable-grpc-gateway self-signed-cert-validity
   socket-reuse-port socket-reuse-address`.split(/\s+/),
);
