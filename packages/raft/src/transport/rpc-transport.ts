/**
 * The transport between processes, on @sagong/rpc: `PeerLink`s for what goes out, a service
 * (`service`) for what comes in, which the owner mounts on its peer listener.
 */
import { type Clock, errorText, type Logger } from "@sagong/base";
import {
  type Channel,
  createChannel,
  implement,
  type Patience,
  RpcError,
  type ServiceImplementation,
  StatusCode,
  type Transport as RpcTransportKind,
} from "@sagong/rpc";
import type { Message } from "../core/message.js";
import type { NodeId } from "../core/types.js";
import {
  type MessageBatch,
  type PeerMessage,
  PeerService,
  type SnapshotChunk,
  type SnapshotHeader,
} from "../gen/raft.js";
import { ENTRY_FORMAT } from "../storage/entry-format.js";
import { counter, snapshotFromMessage, snapshotToMessage } from "../storage/record-codec.js";
import { messageFromWire } from "./message-codec.js";
import { PeerLink } from "./peer-link.js";
import type { OutgoingSnapshot, Transport, TransportReceiver } from "./transport.js";

/**
 * A stream to a peer carries little back, so that a connection which only we still know of (the peer's
 * machine is another, a firewall has forgotten it) shows by silence alone; meanwhile the peer hears
 * nothing of us. Five seconds at most, as etcd waits for a peer (rafthttp's ConnReadTimeout).
 */
export const PEER_PATIENCE: Patience = { connectMs: 3_000, silenceMs: 2_000, answerMs: 3_000 };

export interface RpcTransportOptions {
  readonly clusterId: bigint;
  readonly nodeId: NodeId;
  readonly peers: readonly { readonly nodeId: NodeId; readonly url: string }[];
  /** What carries the streams to them; the default where left out. */
  readonly transport?: RpcTransportKind | undefined;
}

export interface RpcTransportDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A channel to a peer's URL; closed by the transport. Sockets, where left out. */
  readonly connect?: (url: string) => Channel;
}

export class RpcTransport implements Transport {
  readonly service: ServiceImplementation;
  readonly #options: RpcTransportOptions;
  readonly #dependencies: RpcTransportDependencies;
  readonly #links = new Map<NodeId, PeerLink>();
  #receiver: TransportReceiver | undefined;
  #dropped = 0;

  constructor(options: RpcTransportOptions, dependencies: RpcTransportDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.service = implement(PeerService, {
      exchange: (batches) => this.#receive(batches),
      installSnapshot: (chunks) => this.#install(chunks),
    });
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    const { clusterId, peers, transport } = this.#options;
    const patience = PEER_PATIENCE;
    const { connect = (endpoint) => createChannel({ endpoint, transport, patience }) } =
      this.#dependencies;
    for (const { nodeId, url } of peers) {
      const link = new PeerLink(
        { clusterId, peer: nodeId, channel: connect(url) },
        {
          ...this.#dependencies,
          onUnreachable: () => receiver.unreachable(nodeId),
          onReachable: () => receiver.reachable(nodeId),
        },
      );
      this.#links.set(nodeId, link);
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#links.get(message.to)?.send(message);
    for (const link of this.#links.values()) link.flush();
  }

  isReachable(peer: NodeId): boolean {
    return this.#links.get(peer)?.isConnected ?? false;
  }

  async sendSnapshot(snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void> {
    const link = this.#links.get(snapshot.to);
    if (!link) throw new Error(`Cannot send a snapshot to ${snapshot.to}: it is not a peer`);
    const call = link.channel.duplex(PeerService.methods.installSnapshot, { signal });
    const { from, to, term, metadata } = snapshot;
    const { clusterId } = this.#options;
    const header = { clusterId, from, to, term, snapshot: snapshotToMessage(metadata) };
    try {
      await call.send({ header, data: new Uint8Array(0) });
      for await (const data of snapshot.chunks) await call.send({ header: undefined, data });
      call.end();
      for await (const _result of call.responses) return;
      throw new Error("the peer ended the stream without a result");
    } finally {
      // Where the image broke off here, the peer waits for the rest of it, and does nothing else.
      call.cancel();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  async *#receive(batches: AsyncIterable<MessageBatch>): AsyncGenerator<Record<string, never>> {
    let first = true;
    for await (const { clusterId, format, messages } of batches) {
      if (first) {
        this.#checkCluster(clusterId);
        checkFormat(format);
        first = false;
        yield {};
      }
      for (const wire of messages) this.#deliver(wire);
    }
  }

  #deliver(wire: PeerMessage): void {
    let message: Message;
    try {
      message = messageFromWire(wire);
    } catch (error) {
      throw new RpcError(StatusCode.invalidArgument, errorText(error), { cause: error });
    }
    if (message.to !== this.#options.nodeId || !this.#links.has(message.from)) {
      return this.#drop(message);
    }
    this.#receiver?.receive(message);
  }

  /** Of a member that is none of ours, or for another: its vote must not count. */
  #drop({ from, to, kind }: Message): void {
    this.#dropped++;
    // At 1, 2, 4, 8, …: a peer that goes on must not fill the log.
    if ((this.#dropped & (this.#dropped - 1)) !== 0) return;
    this.#dependencies.logger.warn(
      "dropped a message of or for a member that is not of this group",
      {
        from: from.toString(16),
        to: to.toString(16),
        kind,
        dropped: this.#dropped,
      },
    );
  }

  async *#install(chunks: AsyncIterable<SnapshotChunk>): AsyncGenerator<Record<string, never>> {
    const iterator = chunks[Symbol.asyncIterator]();
    const first = await iterator.next();
    const header = first.done ? undefined : first.value.header;
    if (!header?.snapshot) {
      throw new RpcError(StatusCode.invalidArgument, "the first chunk carries no snapshot header");
    }
    this.#checkCluster(header.clusterId);
    const envelope = envelopeOf(header);
    if (envelope.to !== this.#options.nodeId || !this.#links.has(envelope.from)) {
      throw new RpcError(
        StatusCode.permissionDenied,
        `an image of member ${envelope.from.toString(16)} for ${envelope.to.toString(16)}: expected one of a peer, for ${this.#options.nodeId.toString(16)}`,
      );
    }
    await this.#receiver?.receiveSnapshot({
      ...envelope,
      metadata: snapshotFromMessage(header.snapshot),
      chunks: dataOf(iterator),
    });
    yield {};
  }

  #checkCluster(clusterId: bigint): void {
    if (clusterId === this.#options.clusterId) return;
    throw new RpcError(
      StatusCode.failedPrecondition,
      `cluster ID mismatch: the peer is of ${clusterId.toString(16)}, this member of ${this.#options.clusterId.toString(16)}`,
    );
  }
}

function checkFormat(format: number): void {
  if (format === ENTRY_FORMAT) return;
  throw new RpcError(
    StatusCode.failedPrecondition,
    `the peer's entries are of format ${format}, this member's of ${ENTRY_FORMAT}: it is of another version`,
  );
}

function envelopeOf(header: SnapshotHeader): { from: NodeId; to: NodeId; term: number } {
  return { from: header.from, to: header.to, term: counter(header.term, "term") };
}

async function* dataOf(iterator: AsyncIterator<SnapshotChunk>): AsyncGenerator<Uint8Array> {
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    yield next.value.data;
  }
}
