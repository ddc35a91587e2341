/**
 * What one member of the store is told when it starts: etcd's settings for a static cluster, with
 * etcd's names, defaults and limits. `loadStoreConfig` builds one from flags and environment;
 * programs and tests may write one by hand and let `checkStoreConfig` judge it.
 */
import type { LogLevel } from "@sagong/base";
import type { Transport } from "@sagong/rpc";
import type { StoreUrl } from "./store-url.js";

/** One row of `--initial-cluster`. */
export interface InitialMember {
  readonly name: string;
  /** Sorted; at least one. */
  readonly peerUrls: readonly string[];
}

export interface StoreConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly listenClientUrls: readonly StoreUrl[];
  readonly advertiseClientUrls: readonly string[];
  readonly listenPeerUrls: readonly StoreUrl[];
  readonly initialAdvertisePeerUrls: readonly string[];
  readonly listenMetricsUrls: readonly StoreUrl[];
  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  /** Applied entries after which the log is cut behind a snapshot point. */
  readonly snapshotCount: number;
  /** Entries kept behind such a cut, for followers that are a little behind. */
  readonly snapshotCatchUpEntries: number;
  /** Negative: no limit. */
  readonly quotaBackendBytes: number;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly logLevel: LogLevel;
  readonly watchProgressNotifyIntervalMs: number;
  /** What carries gRPC, to clients and to peers; the default where left out. */
  readonly transport?: Transport | undefined;
}

/** etcd's defaults (its `embed` package); sizes in bytes, times in milliseconds. */
export const STORE_DEFAULTS = {
  name: "default",
  clientUrl: "http://localhost:2379",
  peerUrl: "http://localhost:2380",
  clusterToken: "etcd-cluster",
  heartbeatIntervalMs: 100,
  electionTimeoutMs: 1_000,
  snapshotCount: 10_000,
  snapshotCatchUpEntries: 5_000,
  quotaBackendBytes: 2_147_483_648,
  maxRequestBytes: 1_572_864,
  maxTxnOps: 128,
  watchProgressNotifyIntervalMs: 600_000,
} as const;

/** etcd refuses a longer election timeout: a cluster without a leader that long is down. */
const ELECTION_TIMEOUT_MS_MAX = 50_000;
/** Fewer heartbeats than this in one election timeout, and one lost packet deposes a leader. */
const HEARTBEATS_PER_ELECTION_MIN = 5;
/** etcd advises at most 10 MiB; beyond this a single request would stall heartbeats. */
const MAX_REQUEST_BYTES_LIMIT = 64 * 1024 ** 2;
/** Every operation of a transaction is held in memory several times over. */
const MAX_TXN_OPS_LIMIT = 1_000_000;
/** etcd's floor: a faster notification would be a busy loop for every watcher. */
const PROGRESS_NOTIFY_INTERVAL_MS_MIN = 100;

/** The first thing wrong with `config`, as one sentence; undefined where it can be started. */
export function checkStoreConfig(config: StoreConfig): string | undefined {
  return checkTimes(config) ?? checkLimits(config) ?? checkCluster(config);
}

function checkTimes(config: StoreConfig): string | undefined {
  const { heartbeatIntervalMs, electionTimeoutMs } = config;
  if (heartbeatIntervalMs <= 0 || electionTimeoutMs <= 0) {
    return (
      `--heartbeat-interval[${heartbeatIntervalMs}ms] and --election-timeout` +
      `[${electionTimeoutMs}ms] must be greater than 0`
    );
  }
  if (electionTimeoutMs < HEARTBEATS_PER_ELECTION_MIN * heartbeatIntervalMs) {
    return (
      `--election-timeout[${electionTimeoutMs}ms] should be at least as ` +
      `${HEARTBEATS_PER_ELECTION_MIN} times as --heartbeat-interval[${heartbeatIntervalMs}ms]`
    );
  }
  if (electionTimeoutMs > ELECTION_TIMEOUT_MS_MAX) {
    return (
      `--election-timeout[${electionTimeoutMs}ms] is too long, and should be set less than ` +
      `${ELECTION_TIMEOUT_MS_MAX}ms`
    );
  }
  if (config.watchProgressNotifyIntervalMs < PROGRESS_NOTIFY_INTERVAL_MS_MIN) {
    return (
      `--watch-progress-notify-interval[${config.watchProgressNotifyIntervalMs}ms] is too ` +
      `short, expected at least ${PROGRESS_NOTIFY_INTERVAL_MS_MIN}ms`
    );
  }
  return undefined;
}

function checkLimits(config: StoreConfig): string | undefined {
  const ranges: readonly (readonly [string, number, number, number])[] = [
    ["--snapshot-count", config.snapshotCount, 1, Number.MAX_SAFE_INTEGER],
    ["--snapshot-catchup-entries", config.snapshotCatchUpEntries, 1, Number.MAX_SAFE_INTEGER],
    ["--max-request-bytes", config.maxRequestBytes, 1, MAX_REQUEST_BYTES_LIMIT],
    ["--max-txn-ops", config.maxTxnOps, 1, MAX_TXN_OPS_LIMIT],
  ];
  for (const [flag, value, least, most] of ranges) {
    if (value < least || value > most) {
      return `${flag} is ${value}, expected a number from ${least} to ${most}`;
    }
  }
  return undefined;
}

function checkCluster(config: StoreConfig): string | undefined {
  const { name, initialCluster } = config;
  const clusterText = initialCluster
    .flatMap((member) => member.peerUrls.map((url) => `${member.name}=${url}`))
    .join(",");
  const self = initialCluster.find((member) => member.name === name);
  if (!self) {
    return (
      `couldn't find local name "${name}" in the initial cluster configuration ` +
      `(--initial-cluster is "${clusterText}")`
    );
  }
  const seen = new Set<string>();
  for (const url of initialCluster.flatMap((member) => member.peerUrls)) {
    if (seen.has(url)) return `initial cluster ${clusterText} has duplicate url ${url}`;
    seen.add(url);
  }
  const advertised = config.initialAdvertisePeerUrls.toSorted();
  if (advertised.join(",") !== self.peerUrls.join(",")) {
    return (
      `--initial-cluster has ${name}=${self.peerUrls.join(",")} but ` +
      `--initial-advertise-peer-urls=${advertised.join(",")}: both must name the same URLs`
    );
  }
  return undefined;
}
