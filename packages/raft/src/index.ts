// Running a member
export type { RaftNode, RaftStatus } from "./node/raft-node.js";
export type { RaftLogView, RaftRole, RaftView } from "./node/raft-view.js";
export type { RaftNodeDependencies, RaftNodeOptions } from "./node/raft-node-options.js";
export { startRaftNode } from "./node/start-raft-node.js";
export {
  ImageRefusedError,
  type StateMachine,
  type StateMachineImage,
} from "./node/state-machine.js";
// Its log
export { nodeLogFiles } from "./disk/node-log-files.js";
export type { LogFile, LogFiles } from "./storage/log-files.js";
export { FileLogStorage, type FileLogStorageOptions } from "./storage/file-log-storage.js";
export {
  EMPTY_HARD_STATE,
  type LogBatch,
  type LogStorage,
  LogStorageError,
  type StoredLog,
} from "./storage/log-storage.js";
export { MemoryLogStorage } from "./storage/memory-log-storage.js";
// Its peers
export {
  RpcTransport,
  type RpcTransportDependencies,
  type RpcTransportOptions,
} from "./transport/rpc-transport.js";
export type { Transport, TransportReceiver } from "./transport/transport.js";
// What an entry holds
export { encodeProposals, proposalsOf } from "./core/proposals.js";
// Refusals, and the nouns
export {
  type ProposalRefusal,
  ProposalRefusedError,
  ReadIndexRefusedError,
} from "./core/errors.js";
export type {
  ConfState,
  Entry,
  EntryKind,
  HardState,
  LogIndex,
  NodeId,
  SnapshotMetadata,
  Term,
} from "./core/types.js";
export type { SparingLimits } from "./core/sparing.js";
