/**
 * A member as a daemon: `compose-member.ts` on a real directory and the platform's time, with sockets
 * in front of it for peers, clients and metrics. Nothing here decides anything about requests.
 *
 * Start: member → listeners. A failure on the way closes what is open. Stop: listeners refuse and
 * finish → leadership goes to a peer → raft → state.
 */
import { type Clock, errorText, type Logger } from "@sagong/base";
import { type RaftStatus, RpcTransport } from "@sagong/raft";
import {
  type Channel,
  createChannel,
  createMemoryChannel,
  type ServiceImplementation,
} from "@sagong/rpc";
import type { StoreConfig } from "../config/store-config.js";
import { registerEventLoopLag } from "../http/event-loop-lag.js";
import { createHttpHandler, type HttpHandler } from "../http/http-handler.js";
import { GRPC_OVERHEAD_BYTES } from "./assemble-member.js";
import { type ComposedMember, composeMember } from "./compose-member.js";
import { type ClusterIdentity, identify, idText } from "./identity.js";
import { listen, type Listener } from "./listeners.js";
import { nodeMemberDisk } from "./node-member-disk.js";

export interface StoreDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of election timeouts and lease ids; a safe integer. */
  readonly randomSeed: number;
}

export interface RunningStore {
  /** Where it listens, with the ports that the system chose where the settings said 0. */
  readonly clientUrls: readonly string[];
  readonly peerUrls: readonly string[];
  readonly metricsUrls: readonly string[];
  /** What the client port serves, for another transport in the same process. */
  services(): readonly ServiceImplementation[];
  /** A channel to this member without a socket; the caller closes it. */
  memoryChannel(): Channel;
  status(): RaftStatus;
  /** Called once if the member stops itself; `close` is still to be called. */
  onFatal(listener: (error: unknown) => void): () => void;
  close(): Promise<void>;
}

/**
 * Starts a member; resolves when it listens, which may be before there is a leader. Rejects with
 * `DataDirError`, `ListenError`, or the error of damaged storage; the messages are for people.
 */
export async function startStore(
  config: StoreConfig,
  dependencies: StoreDependencies,
): Promise<RunningStore> {
  const store = new Store(config, dependencies);
  try {
    await store.start();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Messages between members carry whole batches of entries. */
const PEER_MESSAGE_BYTES_MAX = 512 * 1024 * 1024;
/** Calls under way may take this long to finish when the member closes. */
const CLOSE_GRACE_MS = 3_000;

const NOWHERE: Listener = { urls: [], close: () => Promise.resolve() };

class Store implements RunningStore {
  readonly #config: StoreConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #randomSeed: number;
  readonly #identity: ClusterIdentity;
  readonly #fatalListeners = new Set<(error: unknown) => void>();
  readonly #listeners = { client: NOWHERE, peer: NOWHERE, metrics: NOWHERE };
  #member: ComposedMember | undefined;
  #stopLagGauges: (() => void) | undefined;
  #fatal: { readonly error: unknown } | undefined;
  #closed: Promise<void> | undefined;

  constructor(config: StoreConfig, { clock, logger, randomSeed }: StoreDependencies) {
    this.#config = config;
    this.#clock = clock;
    this.#identity = identify(config);
    this.#logger = logger.with({ member: idText(this.#identity.memberId) });
    this.#randomSeed = randomSeed;
  }

  get clientUrls(): readonly string[] {
    return this.#listeners.client.urls;
  }

  get peerUrls(): readonly string[] {
    return this.#listeners.peer.urls;
  }

  get metricsUrls(): readonly string[] {
    return this.#listeners.metrics.urls;
  }

  services(): readonly ServiceImplementation[] {
    return this.#started(this.#member).assembled.services;
  }

  memoryChannel(): Channel {
    return createMemoryChannel(this.services(), { clock: this.#clock });
  }

  status(): RaftStatus {
    return this.#started(this.#member).raft.status();
  }

  onFatal(listener: (error: unknown) => void): () => void {
    if (this.#fatal) listener(this.#fatal.error);
    else this.#fatalListeners.add(listener);
    return () => {
      this.#fatalListeners.delete(listener);
    };
  }

  async start(): Promise<void> {
    const config = this.#config;
    const identity = this.#identity;
    const transport = this.#createTransport();
    const member = await composeMember(config, {
      identity,
      disk: nodeMemberDisk(config.dataDir),
      transport,
      connectPeer: ({ peerUrls: [endpoint] }) =>
        endpoint === undefined
          ? undefined
          : createChannel({ endpoint, transport: config.transport }),
      clock: this.#clock,
      logger: this.#logger,
      randomSeed: this.#randomSeed,
      afterCurrent: (callback) => process.nextTick(callback),
      defer: setImmediate,
      onFatal: (error) => this.#fail(error),
      isServing: () => this.#fatal === undefined && this.#closed === undefined,
    });
    this.#member = member;
    this.#stopLagGauges = registerEventLoopLag(member.registry);
    await this.#listen(member, transport);
    this.#logger.info("ready to serve client requests", {
      name: config.name,
      cluster: idText(identity.clusterId),
      clientUrls: this.clientUrls.join(","),
      peerUrls: this.peerUrls.join(","),
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #createTransport(): RpcTransport {
    const { clusterId, memberId, members } = this.#identity;
    const peers = members
      .filter(({ id }) => id !== memberId)
      // checkStoreConfig: every member has a URL.
      .map(({ id, peerUrls }) => ({ nodeId: id, url: peerUrls[0] ?? "" }));
    return new RpcTransport(
      { clusterId, nodeId: memberId, peers, transport: this.#config.transport },
      { clock: this.#clock, logger: this.#logger },
    );
  }

  async #listen(
    { assembled: member, registry }: ComposedMember,
    transport: RpcTransport,
  ): Promise<void> {
    const { listenPeerUrls, listenClientUrls, listenMetricsUrls, maxRequestBytes } = this.#config;
    const { transport: rpc } = this.#config;
    const http = (scope: "client" | "metrics"): HttpHandler =>
      createHttpHandler({ source: member.http, metrics: registry, logger: this.#logger, scope });
    this.#listeners.peer = await listen({
      transport: rpc,
      urls: listenPeerUrls,
      flag: "listen-peer-urls",
      services: [transport.service, ...member.peerServices],
      maxRequestBytes: PEER_MESSAGE_BYTES_MAX,
    });
    this.#listeners.client = await listen({
      transport: rpc,
      urls: listenClientUrls,
      flag: "listen-client-urls",
      services: member.services,
      http1: http("client"),
      maxRequestBytes: maxRequestBytes + GRPC_OVERHEAD_BYTES,
    });
    this.#listeners.metrics = await listen({
      transport: rpc,
      urls: listenMetricsUrls,
      flag: "listen-metrics-urls",
      services: [],
      http1: http("metrics"),
      maxRequestBytes,
    });
  }

  /** In order: no new work, work under way, leadership, raft, state. */
  async #close(): Promise<void> {
    const alive = this.#fatal === undefined;
    const graceMs = alive ? CLOSE_GRACE_MS : 0;
    await this.#listeners.client.close(graceMs);
    await this.#listeners.metrics.close(0);
    this.#stopLagGauges?.();
    if (alive) await this.#member?.handLeadershipOver();
    await this.#member?.close();
    await this.#listeners.peer.close(0);
    await this.#member?.closeState().catch((error: unknown) => {
      // A member that its disk has stopped cannot flush to it either: the first error says why.
      if (alive) throw error;
      this.#logger.warn("the database did not close in order", { error: errorText(error) });
    });
    this.#logger.info("stopped");
  }

  #fail(error: unknown): void {
    if (this.#fatal) return;
    this.#fatal = { error };
    for (const listener of this.#fatalListeners) listener(error);
  }

  #started<T>(part: T | undefined): T {
    if (part === undefined) throw new Error("Cannot use the store: it has not started");
    return part;
  }
}
