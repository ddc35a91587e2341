/**
 * One process of a member, from its start to its end: the real parts (`composeMember`) between a
 * simulated disk, network and clock. Everything reaches it through its gate; once the gate is dead,
 * nothing of it runs any more.
 *
 *     starting ─▶ serving ─▶ closing ─▶ ended          a kill or a failure leads to the end from anywhere
 *
 * It ends in order (SIGTERM, or the daemon's way out after a fatal error) or is killed.
 */
import { createLogger, errorText, type Logger } from "@sagong/base";
import { type ClusterIdentity, composeMember, type ComposedMember } from "@sagong/kv/parts";
import type { StoreConfig } from "@sagong/kv";
import { type LogStorage, RpcTransport, type SparingLimits } from "@sagong/raft";
import type { Channel } from "@sagong/rpc";
import type { SimulatedDisk } from "../disk/simulated-disk.js";
import type { Host } from "../network/network-node.js";
import type { Network } from "../network/network.js";
import type { SimulatedWorld } from "../world/simulated-world.js";
import type { MemberClock } from "./member-clock.js";
import { nodeOf } from "./member-config.js";
import { ProcessGate } from "./process-gate.js";

export interface MemberProcessOptions {
  readonly name: string;
  readonly config: StoreConfig;
  readonly identity: ClusterIdentity;
  readonly world: SimulatedWorld;
  readonly network: Network;
  readonly disk: SimulatedDisk;
  readonly clock: MemberClock;
  readonly randomSeed: number;
  readonly segmentBytes: number;
  readonly heldBytesMax: number;
  /** Where it is set: these, and as if no client used this member. */
  readonly sparing: SparingLimits | undefined;
  readonly aroundLog: ((log: LogStorage) => LogStorage) | undefined;
  /** It has written a line to its log. */
  readonly onLogLine: () => void;
}

/** As the daemon: calls under way may take so long to finish when it closes. */
const CLOSE_GRACE_MS = 3_000;
const CLOSE_LOOK_MS = 100;

export class MemberProcess {
  readonly gate: ProcessGate;
  readonly #options: MemberProcessOptions;
  readonly #host: Host;
  readonly #logger: Logger;
  #composed: ComposedMember | undefined;
  #fatal: { readonly error: unknown } | undefined;
  #isClosing = false;

  constructor(options: MemberProcessOptions) {
    const { world, network, name } = options;
    this.#options = options;
    this.gate = new ProcessGate(world);
    this.#host = network.enter(name, this.gate);
    this.#logger = createLogger("info", (record) => {
      const { level, message, fields } = record;
      const text = (): string =>
        [`${level}: ${message}`, ...Object.entries(fields).map(([key, v]) => `${key}=${v}`)].join(
          " ",
        );
      world.trace.note({ kind: "process", who: name, text });
      options.onLogLine();
    });
  }

  get composed(): ComposedMember | undefined {
    return this.#composed;
  }

  get fatal(): { readonly error: unknown } | undefined {
    return this.#fatal;
  }

  /** Resolves when it serves; rejects where it refuses to. Never settles where it is killed. */
  async start(onFatal: () => void): Promise<void> {
    const { config, identity, disk, randomSeed, segmentBytes, heldBytesMax } = this.#options;
    const { aroundLog, sparing } = this.#options;
    const clock = this.#options.clock.of(this.gate);
    const logger = this.#logger;
    const transport = new RpcTransport(
      {
        clusterId: identity.clusterId,
        nodeId: identity.memberId,
        peers: identity.members
          .filter(({ id }) => id !== identity.memberId)
          .map(({ id, peerUrls }) => ({ nodeId: id, url: peerUrls[0] ?? "" })),
      },
      { clock, logger, connect: (url) => this.#connect(nodeOf(url)) },
    );
    const composed = await composeMember(config, {
      identity,
      disk: disk.mount(this.gate),
      transport,
      connectPeer: (peer) => this.#connect(peer.name),
      clock,
      logger,
      randomSeed,
      afterCurrent: (callback) => process.nextTick(callback),
      defer: (callback) => this.gate.defer(callback),
      onFatal: (error) => {
        if (this.#fatal) return;
        this.#fatal = { error };
        this.gate.defer(onFatal);
      },
      isServing: () => this.#fatal === undefined && !this.#isClosing,
      segmentBytes,
      heldBytesMax,
      ...(sparing ? { sparing, isIdle: () => true } : {}),
      ...(aroundLog ? { aroundLog } : {}),
    });
    this.#composed = composed;
    if (this.#fatal) throw this.#fatal.error;
    this.#host.listen("peer", [transport.service, ...composed.assembled.peerServices]);
    this.#host.listen("client", composed.assembled.services);
  }

  /** In the daemon's order. Resolves when all is closed; never where it is killed meanwhile. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const isAlive = this.#fatal === undefined;
    await this.#finishCalls(isAlive ? CLOSE_GRACE_MS : 0);
    this.#host.closePort("client");
    if (isAlive) await this.#composed?.handLeadershipOver();
    await this.#composed?.close();
    this.#host.closePort("peer");
    await this.#composed?.closeState().catch((error: unknown) => {
      if (isAlive) throw error;
      this.#logger.warn("the database did not close in order", { error: errorText(error) });
    });
  }

  /** No new calls; those of clients that are open may finish. */
  async #finishCalls(graceMs: number): Promise<void> {
    this.#host.refuse("client");
    for (let waitedMs = 0; waitedMs < graceMs; waitedMs += CLOSE_LOOK_MS) {
      if (this.#host.openCalls("client") === 0) return;
      await new Promise<void>((resolve) => this.gate.after(CLOSE_LOOK_MS, resolve));
    }
  }

  #connect(server: string): Channel {
    const { name: client, network } = this.#options;
    const clock = this.#options.clock.of(this.gate);
    return network.channel({ client, server, port: "peer", clock });
  }
}
