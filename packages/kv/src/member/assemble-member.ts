/**
 * Wires the parts of one member around its state and its raft node: who asks whom. It starts
 * nothing but the parts' own timers; `closeMember` stops them again, in order.
 */
import { setMaxListeners } from "node:events";
import { type Random, randomBelow } from "@sagong/base";
import { ProposalRefusedError, type RaftNode } from "@sagong/raft";
import { type Channel, createHealthService } from "@sagong/rpc";
import type { ServiceImplementation } from "@sagong/rpc";
import type { ApplyResponse, ApplyResult } from "../apply/applier.js";
import { ChunkPool } from "../apply/chunk-pool.js";
import type { StoreConfig } from "../config/store-config.js";
import { RangeRequest } from "../gen/rpc.js";
import type { HttpSource } from "../http/http-handler.js";
import type { MetricsRegistry } from "../http/metrics.js";
import { registerReadings, type StoreMetrics } from "../http/store-metrics.js";
import { createAuthService } from "../rpc/auth-service.js";
import { createClusterService } from "../rpc/cluster-service.js";
import { intercept } from "../rpc/interceptors.js";
import { createKvService } from "../rpc/kv-service.js";
import { createLeaseService } from "../rpc/lease-service.js";
import { createMaintenanceService } from "../rpc/maintenance-service.js";
import { createWatchService } from "../rpc/watch-service.js";
import type { WatchSession } from "../rpc/watch-session.js";
import { ETCD_API_VERSION } from "../version.js";
import { AppliedWaiters } from "./applied-waiters.js";
import { BackgroundLoop } from "./background-loop.js";
import type { ClientUse } from "./client-use.js";
import { createCompactionLoop } from "./compaction-loop.js";
import { BACKLOG_BYTES_MAX } from "./kv-state-machine.js";
import { LeaderLeases, OwnLeases } from "./leader-leases.js";
import { LeaderPresenceMonitor } from "./leader-presence.js";
import { LeaseKeeper } from "./lease-keeper.js";
import { LinearizableReads } from "./linearizable-reads.js";
import { MemberError } from "./member-error.js";
import type { MemberSurroundings } from "./member-surroundings.js";
import type { OpenState } from "./open-state.js";
import { createPeerLeaseService, type PeerLeases, peerLeasesOver } from "./peer-lease-service.js";
import { publishAttributes } from "./membership.js";
import { Proposals } from "./proposals.js";
import { Quota } from "./quota.js";
import { StoreAdmin } from "./store-admin.js";
import { StoreMember } from "./store-member.js";

/** What the parts stand on, made by then. */
export interface Assembly extends Omit<
  MemberSurroundings,
  | "disk"
  | "transport"
  | "randomSeed"
  | "segmentBytes"
  | "heldBytesMax"
  | "sparing"
  | "isIdle"
  | "aroundLog"
> {
  readonly config: StoreConfig;
  readonly state: OpenState;
  readonly raft: RaftNode;
  readonly clientUse: ClientUse;
  readonly random: Random;
  readonly registry: MetricsRegistry;
  readonly metrics: StoreMetrics;
}

export interface AssembledMember {
  /** For the client port. */
  readonly services: readonly ServiceImplementation[];
  /** For the peer port, beside raft's own. */
  readonly peerServices: readonly ServiceImplementation[];
  readonly http: HttpSource;
  readonly quota: Quota;
  /** Fails what waits and stops all timers. Raft and state are still open. */
  close(): Promise<void>;
}

/** etcd's request timeout: 5 s and twice the election timeout. */
const REQUEST_TIMEOUT_BASE_MS = 5_000;
/** etcd's allowance over the request limit for what surrounds a request; and its fragment size. */
export const GRPC_OVERHEAD_BYTES: number = 512 * 1024;
/** How long watchers that are behind and cannot move are left alone (etcd: 10 ms for victims). */
const CATCH_UP_PAUSE_MS = 10;
/** Proposal ids begin somewhere below 2^52, so that two runs of a member do not share any. */
const FIRST_ID_HIGH = 2 ** 20;

export function assembleMember(around: Assembly): AssembledMember {
  const { config, state, raft, clock, random, onFatal } = around;
  const timeoutMs = REQUEST_TIMEOUT_BASE_MS + 2 * config.electionTimeoutMs;
  const applied = new AppliedWaiters(state.machine.appliedIndex);
  const { afterCurrent } = around;
  const reads = new LinearizableReads({ raft, applied, clock, timeoutMs, afterCurrent });
  const proposals = new Proposals<ApplyResult, ApplyResponse>({
    memberId: around.identity.memberId,
    raft,
    clock,
    timeoutMs,
    electionTimeoutMs: config.electionTimeoutMs,
    isRetryable: (error) =>
      error instanceof ProposalRefusedError &&
      (error.reason === "no-leader" || error.reason === "transferring-leadership"),
    firstId: randomBelow(random, FIRST_ID_HIGH) * 2 ** 32 + random.nextUint32(),
    respond: (result) => member.respond(result),
    afterCurrent,
  });
  const { medium, watchable } = state;
  const compaction = createCompactionLoop({ ...state, ...around, onError: onFatal });
  const catchUp = new BackgroundLoop({
    clock,
    defer: around.defer,
    pauseMs: CATCH_UP_PAUSE_MS,
    step: () => {
      if (!watchable.hasBehind) return "idle";
      return !state.machine.replacement && watchable.catchUp() ? "more" : "later";
    },
    onError: onFatal,
  });
  const presence = new LeaderPresenceMonitor({
    raft,
    clock,
    electionTimeoutMs: config.electionTimeoutMs,
    onNewLeader: () => around.metrics.leaderChanges.increment(),
  });
  const quota = new Quota({
    quotaBytes: config.quotaBackendBytes,
    sizeBytes: () => medium.sizeBytes(),
    clock,
    logger: around.logger,
  });
  const closing = new AbortController();
  // Every renewal that waits for a leader listens for the end: as many as clients have asked for.
  setMaxListeners(0, closing.signal);
  const leases = assembleLeases(around, {
    signal: closing.signal,
    reads,
    applied,
    timeoutMs,
    revoke: (expired) => member.expire(expired),
  });
  const chunks = new ChunkPool(clock);
  const member = new StoreMember({
    ...config,
    ...around.identity,
    ...state,
    raft,
    clock,
    defer: around.defer,
    replacement: () => state.machine.replacement,
    proposals,
    reads,
    quota,
    compaction,
    chunks,
    random,
    leaderLeases: leases.atLeader,
    isBackedUp: () => medium.backlogBytes > BACKLOG_BYTES_MAX,
  });
  observeApply(around, { proposals, applied, compaction, catchUp });
  const admin = new StoreAdmin({
    ...config,
    ...state,
    memberId: around.identity.memberId,
    header: (revision) => member.header(revision),
    members: () => state.membership.list(),
    raft,
    reads,
    quota,
    quotaBytes: config.quotaBackendBytes,
    defer: around.defer,
  });
  const { memberId } = around.identity;
  const published = publishAttributes({
    membership: state.membership,
    attributes: { memberId, name: config.name, clientUrls: config.advertiseClientUrls },
    propose: (attributes) => member.publish(attributes),
    clock,
    logger: around.logger,
    signal: closing.signal,
  });
  const { clientUse } = around;
  const sessions = clientUse.watchSessions;
  const edge = {
    leader: presence,
    metrics: around.registry,
    clock,
    logger: around.logger,
    // While it stops, what it reads from is closed under the last requests.
    onUnreadable: (error: unknown): void => {
      if (!closing.signal.aborted) onFatal(error);
    },
  };
  const services = [
    createKvService(member),
    createLeaseService(member),
    createClusterService(admin),
    createMaintenanceService(admin),
    createAuthService(),
    createWatchService({
      watchable,
      sessions,
      leader: presence,
      revision: () => state.store.revision,
      header: (revision) => member.header(revision),
      wakeCatchUp: () => catchUp.wake(),
      clock,
      random,
      progressNotifyIntervalMs: config.watchProgressNotifyIntervalMs,
      fragmentBytes: config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
    }),
  ].map((service) => intercept(service, { ...edge, clientUse }));
  registerMetrics(around, { proposals, quota, sessions });
  return {
    services: [...services, createHealthService(around.isServing, { clock })],
    peerServices: [intercept(leases.service, edge)],
    http: httpSource(member, { admin, presence, reads }),
    quota,
    close: async () => {
      const stopped = new MemberError("stopped");
      closing.abort(stopped);
      leases.keeper.close();
      presence.close();
      compaction.close();
      catchUp.close();
      chunks.close();
      quota.close();
      proposals.close(stopped);
      reads.close();
      applied.close(stopped);
      await leases.close();
      await published;
    },
  };
}

interface LeaseSurroundings {
  readonly reads: LinearizableReads;
  readonly applied: AppliedWaiters;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly revoke: (expired: { readonly id: bigint; readonly term: number }) => Promise<void>;
}

function assembleLeases(around: Assembly, parts: LeaseSurroundings) {
  const { config, identity, state, raft, clock, logger, metrics } = around;
  const channels = new Map<bigint, Channel>();
  const keeper = new LeaseKeeper({
    lessor: state.lessor,
    raft,
    reads: parts.reads,
    applied: parts.applied,
    clock,
    logger,
    electionTimeoutMs: config.electionTimeoutMs,
    revoke: async (expired) => {
      await parts.revoke(expired);
      metrics.leaseExpired.increment();
    },
  });
  const own = new OwnLeases(keeper);
  const peer = (id: bigint): PeerLeases | undefined => {
    const member = identity.members.find((other) => other.id === id);
    const channel = channels.get(id) ?? (member && around.connectPeer(member));
    if (!channel) return undefined;
    channels.set(id, channel);
    return peerLeasesOver(channel, { timeoutMs: config.electionTimeoutMs });
  };
  const { timeoutMs, signal } = parts;
  const { memberId } = identity;
  return {
    keeper,
    service: createPeerLeaseService(own),
    atLeader: new LeaderLeases({ own, raft, memberId, peer, clock, timeoutMs, signal }),
    close: async (): Promise<void> => {
      await Promise.all([...channels.values()].map((channel) => channel.close()));
    },
  };
}

function observeApply(
  { identity, state, metrics }: Assembly,
  parts: {
    readonly proposals: Pick<Proposals<ApplyResult, ApplyResponse>, "complete" | "pendingCount">;
    readonly applied: AppliedWaiters;
    readonly compaction: BackgroundLoop;
    readonly catchUp: BackgroundLoop;
  },
): void {
  const { store, watchable } = state;
  // What a restart found half done goes on at once.
  if (store.wantsCleanUp) parts.compaction.wake();
  state.machine.observe({
    onResults: ({ memberId, firstSequence }, results) => {
      const isOwn = memberId === identity.memberId;
      for (const [i, result] of results.entries()) {
        if (isOwn) parts.proposals.complete(firstSequence + i, result);
        if ("error" in result) metrics.proposalsFailed.increment();
      }
    },
    onApplied: (index) => {
      parts.applied.advanceTo(index);
      if (watchable.hasBehind) parts.catchUp.wake();
      if (store.wantsCleanUp) parts.compaction.wake();
    },
  });
}

function httpSource(
  member: StoreMember,
  parts: {
    readonly admin: StoreAdmin;
    readonly presence: LeaderPresenceMonitor;
    readonly reads: LinearizableReads;
  },
): HttpSource {
  const probe = RangeRequest.create({ key: new Uint8Array(1), keysOnly: true, limit: 1 });
  return {
    alarms: () => parts.admin.alarms().map(() => "NOSPACE"),
    hasLeader: () => parts.presence.hasLeader(),
    isLearner: () => false,
    read: async ({ serializable }) => {
      await member.range({ ...probe, serializable });
    },
    version: () => ({
      etcdserver: ETCD_API_VERSION,
      etcdcluster: ETCD_API_VERSION,
      storage: ETCD_API_VERSION,
    }),
  };
}

function registerMetrics(
  { registry, raft, config, state }: Assembly,
  parts: {
    readonly proposals: Pick<Proposals<ApplyResult, ApplyResponse>, "complete" | "pendingCount">;
    readonly quota: Quota;
    readonly sessions: ReadonlySet<WatchSession>;
  },
): void {
  const { store } = state;
  registerReadings(registry, {
    hasLeader: () => raft.status().leaderId !== undefined,
    isLeader: () => raft.status().role === "leader",
    pendingProposals: () => parts.proposals.pendingCount,
    committedIndex: () => raft.status().commitIndex,
    appliedIndex: () => raft.status().appliedIndex,
    dbSizeBytes: () => parts.quota.sizeBytes,
    dbSizeInUseBytes: () => parts.quota.sizeBytes,
    quotaBytes: () => Math.max(0, config.quotaBackendBytes),
    currentRevision: () => store.revision,
    compactRevision: () => store.compactRevision,
    keyCount: () => store.index.size,
    watcherCount: () => sum(parts.sessions, (session) => session.watchCount),
    slowWatcherCount: () => sum(parts.sessions, (session) => session.slowCount),
    watchStreamCount: () => parts.sessions.size,
  });
}

function sum<T>(items: Iterable<T>, count: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += count(item);
  return total;
}
