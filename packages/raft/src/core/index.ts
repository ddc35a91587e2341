export { RAFT_DEFAULTS, type RaftConfig, validateConfig } from "./config.js";
export { describeEntry, describeMessage } from "./describe.js";
export { type ProposalRefusal, ProposalRefusedError, ReadIndexRefusedError } from "./errors.js";
export type { Message } from "./message.js";
export type { ReadAnswer } from "./leader-reads.js";
export {
  BATCH_BYTES,
  countProposals,
  encodeProposals,
  ProposalQueue,
  proposalsOf,
} from "./proposals.js";
export type { Role } from "./raft.js";
export { type RawStatus, RawNode, type RestoredState } from "./raw-node.js";
export type { Ready } from "./ready.js";
export type {
  ConfState,
  Entry,
  EntryKind,
  HardState,
  LogIndex,
  NodeId,
  SnapshotMetadata,
  Term,
} from "./types.js";
