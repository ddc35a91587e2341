/** The settings of a simulated member: the daemon's, for a static cluster of named nodes. */
import { checkStoreConfig, STORE_DEFAULTS, type StoreConfig } from "@sagong/kv";
import type { MemberFlags } from "./simulated-member.js";

export function memberConfig(
  name: string,
  names: readonly string[],
  flags: MemberFlags,
): StoreConfig {
  const peerUrl = (member: string): string => `http://${member}:2380`;
  const config: StoreConfig = {
    name,
    dataDir: name,
    listenClientUrls: [],
    advertiseClientUrls: [`http://${name}:2379`],
    listenPeerUrls: [],
    initialAdvertisePeerUrls: [peerUrl(name)],
    listenMetricsUrls: [],
    initialCluster: names.map((member) => ({ name: member, peerUrls: [peerUrl(member)] })),
    initialClusterState: "new",
    initialClusterToken: STORE_DEFAULTS.clusterToken,
    heartbeatIntervalMs: STORE_DEFAULTS.heartbeatIntervalMs,
    electionTimeoutMs: STORE_DEFAULTS.electionTimeoutMs,
    snapshotCount: STORE_DEFAULTS.snapshotCount,
    snapshotCatchUpEntries: STORE_DEFAULTS.snapshotCatchUpEntries,
    quotaBackendBytes: STORE_DEFAULTS.quotaBackendBytes,
    maxRequestBytes: STORE_DEFAULTS.maxRequestBytes,
    maxTxnOps: STORE_DEFAULTS.maxTxnOps,
    watchProgressNotifyIntervalMs: STORE_DEFAULTS.watchProgressNotifyIntervalMs,
    logLevel: "info",
    ...flags,
  };
  const wrong = checkStoreConfig(config);
  if (wrong !== undefined) throw new Error(`Cannot start ${name} with these flags: ${wrong}`);
  return config;
}

/** The node that a peer URL of `memberConfig` leads to. */
export function nodeOf(peerUrl: string): string {
  return new URL(peerUrl).hostname;
}
