/**
 * The metrics of one member, with the names and help texts that etcd's dashboards and alerts ask
 * for. Values that someone else holds (sizes, indexes) are read when the text is made; only events
 * are counted here.
 */
import {
  type Counter,
  exponentialBuckets,
  type Gauge,
  type Histogram,
  type MetricsRegistry,
} from "./metrics.js";

/** What a scrape asks a member for. */
export interface MetricReadings {
  hasLeader(): boolean;
  isLeader(): boolean;
  pendingProposals(): number;
  committedIndex(): number;
  appliedIndex(): number;
  dbSizeBytes(): number;
  dbSizeInUseBytes(): number;
  quotaBytes(): number;
  currentRevision(): number;
  compactRevision(): number;
  keyCount(): number;
  watcherCount(): number;
  slowWatcherCount(): number;
  watchStreamCount(): number;
}

export interface StoreMetrics {
  readonly leaderChanges: Counter;
  readonly proposalsFailed: Counter;
  readonly slowReadIndexes: Counter;
  readonly readIndexesFailed: Counter;
  readonly leaseExpired: Counter;
  readonly leaseGranted: Counter;
  readonly leaseRevoked: Counter;
  readonly leaseRenewed: Counter;
  readonly ranges: Counter;
  readonly puts: Counter;
  readonly deletes: Counter;
  readonly txns: Counter;
  readonly watchEvents: Counter;
  readonly pendingWatchEvents: Gauge;
  readonly backendCommitSeconds: Histogram;
  readonly walFsyncSeconds: Histogram;
}

export function createStoreMetrics(registry: MetricsRegistry): StoreMetrics {
  const counter = (name: string, help: string): Counter => registry.counter({ name, help });
  const disk = (name: string, help: string): Histogram =>
    registry.histogram({ name, help, buckets: exponentialBuckets(0.001, 2, 14) });
  return {
    leaderChanges: counter(
      "etcd_server_leader_changes_seen_total",
      "The number of leader changes seen.",
    ),
    proposalsFailed: counter(
      "etcd_server_proposals_failed_total",
      "The total number of failed proposals seen.",
    ),
    slowReadIndexes: counter(
      "etcd_server_slow_read_indexes_total",
      "The total number of pending read indexes not in sync with leader's or timed out read " +
        "index requests.",
    ),
    readIndexesFailed: counter(
      "etcd_server_read_indexes_failed_total",
      "The total number of failed read indexes seen.",
    ),
    leaseExpired: counter(
      "etcd_debugging_server_lease_expired_total",
      "The total number of expired leases.",
    ),
    leaseGranted: counter(
      "etcd_debugging_lease_granted_total",
      "The total number of granted leases.",
    ),
    leaseRevoked: counter(
      "etcd_debugging_lease_revoked_total",
      "The total number of revoked leases.",
    ),
    leaseRenewed: counter(
      "etcd_debugging_lease_renewed_total",
      "The number of renewed leases seen by the leader.",
    ),
    ranges: counter("etcd_mvcc_range_total", "Total number of ranges seen by this member."),
    puts: counter("etcd_mvcc_put_total", "Total number of puts seen by this member."),
    deletes: counter("etcd_mvcc_delete_total", "Total number of deletes seen by this member."),
    txns: counter("etcd_mvcc_txn_total", "Total number of txns seen by this member."),
    watchEvents: counter(
      "etcd_debugging_mvcc_events_total",
      "Total number of events sent by this member.",
    ),
    pendingWatchEvents: registry.gauge({
      name: "etcd_debugging_mvcc_pending_events_total",
      help: "Total number of pending events to be sent.",
    }),
    backendCommitSeconds: disk(
      "etcd_disk_backend_commit_duration_seconds",
      "The latency distributions of commit called by backend.",
    ),
    walFsyncSeconds: disk(
      "etcd_disk_wal_fsync_duration_seconds",
      "The latency distributions of fsync called by WAL.",
    ),
  };
}

export function registerReadings(registry: MetricsRegistry, readings: MetricReadings): void {
  const gauge = (name: string, help: string, value: () => number): void =>
    registry.read({ name, help, kind: "gauge" }, value);
  gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.", () =>
    Number(readings.hasLeader()),
  );
  gauge(
    "etcd_server_is_leader",
    "Whether or not this member is a leader. 1 if is, 0 otherwise.",
    () => Number(readings.isLeader()),
  );
  gauge(
    "etcd_server_is_learner",
    "Whether or not this member is a learner. 1 if is, 0 otherwise.",
    () => 0,
  );
  gauge("etcd_server_proposals_pending", "The current number of pending proposals to commit.", () =>
    readings.pendingProposals(),
  );
  gauge(
    "etcd_server_proposals_committed_total",
    "The total number of consensus proposals committed.",
    () => readings.committedIndex(),
  );
  gauge(
    "etcd_server_proposals_applied_total",
    "The total number of consensus proposals applied.",
    () => readings.appliedIndex(),
  );
  registerStoreReadings(gauge, readings);
}

function registerStoreReadings(
  gauge: (name: string, help: string, value: () => number) => void,
  readings: MetricReadings,
): void {
  gauge("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.", () =>
    readings.quotaBytes(),
  );
  gauge(
    "etcd_mvcc_db_total_size_in_bytes",
    "Total size of the underlying database physically allocated in bytes.",
    () => readings.dbSizeBytes(),
  );
  gauge(
    "etcd_mvcc_db_total_size_in_use_in_bytes",
    "Total size of the underlying database logically in use in bytes.",
    () => readings.dbSizeInUseBytes(),
  );
  gauge("etcd_debugging_mvcc_current_revision", "The current revision of store.", () =>
    readings.currentRevision(),
  );
  gauge(
    "etcd_debugging_mvcc_compact_revision",
    "The revision of the last compaction in store.",
    () => readings.compactRevision(),
  );
  gauge("etcd_debugging_mvcc_keys_total", "Total number of keys.", () => readings.keyCount());
  gauge("etcd_debugging_mvcc_watcher_total", "Total number of watchers.", () =>
    readings.watcherCount(),
  );
  gauge("etcd_debugging_mvcc_slow_watcher_total", "Total number of unsynced slow watchers.", () =>
    readings.slowWatcherCount(),
  );
  gauge("etcd_debugging_mvcc_watch_stream_total", "Total number of watch streams.", () =>
    readings.watchStreamCount(),
  );
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", () =>
    process.memoryUsage.rss(),
  );
  gauge("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}
