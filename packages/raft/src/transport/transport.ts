/**
 * How members reach each other. `send` never blocks and may drop: raft repeats what matters. An
 * image of the state machine travels on its own, so that it never delays a heartbeat.
 */
import type { Message } from "../core/message.js";
import type { NodeId, SnapshotMetadata, Term } from "../core/types.js";

export interface Transport {
  /** Called by the node before anything arrives. */
  start(receiver: TransportReceiver): void;
  send(messages: readonly Message[]): void;
  /** False while messages to that peer would be dropped. */
  isReachable(peer: NodeId): boolean;
  /** Resolves when the peer has installed it; rejects where it has not, for whatever reason. */
  sendSnapshot(snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface TransportReceiver {
  receive(message: Message): void;
  /** Resolves when it is installed; rejects where it is refused. */
  receiveSnapshot(snapshot: IncomingSnapshot): Promise<void>;
  /** Messages to that peer are being lost. */
  unreachable(peer: NodeId): void;
  /** Messages to that peer go through again. */
  reachable(peer: NodeId): void;
}

export interface SnapshotEnvelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly metadata: SnapshotMetadata;
}

export interface OutgoingSnapshot extends SnapshotEnvelope {
  readonly chunks: AsyncIterable<Uint8Array>;
}

export type IncomingSnapshot = OutgoingSnapshot;
