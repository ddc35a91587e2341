/**
 * Peer messages between the core's union and the wire's one message type. Fields are set one by one
 * on objects of one shape: spreading the common ones into each kind took as long as all the rest of
 * a lone message's way.
 */
import { unreachable } from "@sagong/base";
import { EncodedMessage } from "@sagong/rpc";
import type { Message } from "../core/message.js";
import { type LogEntry, MessageBatch, PeerMessage, PeerMessageKind } from "../gen/raft.js";
import { counter, entryFromMessage, entryToMessage } from "../storage/record-codec.js";
import { hasLarge, isLarge, pushEntry, pushField } from "../storage/record-parts.js";

type Kinds = typeof PeerMessageKind;
type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const NO_ENTRIES: readonly LogEntry[] = [];
const NO_DATA: readonly Uint8Array[] = [];

function wireOf(kind: number, { from, to, term }: Message): Mutable<PeerMessage> {
  return {
    kind,
    from,
    to,
    term,
    index: 0,
    logTerm: 0,
    commit: 0,
    entries: NO_ENTRIES,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
    context: 0,
    transfer: false,
    data: NO_DATA,
    idle: false,
  };
}

const BATCH_MESSAGES_TAG = (2 << 3) | 2;
const MESSAGE_ENTRIES_TAG = (8 << 3) | 2;
const MESSAGE_DATA_TAG = (14 << 3) | 2;

/** All in one; large batches of proposals stand in it as they are, the same bytes for every peer. */
export function encodeMessages(messages: readonly Message[]): EncodedMessage {
  const wires = messages.map(messageToWire);
  return new EncodedMessage(wires.some(hasLargeParts) ? partsOf(wires) : [batchOf(wires)]);
}

function hasLargeParts({ entries, data }: PeerMessage): boolean {
  return hasLarge(entries) || data.some(isLarge);
}

function batchOf(messages: readonly PeerMessage[]): Uint8Array {
  return MessageBatch.encode(MessageBatch.create({ messages }));
}

/** Parts one behind the other are one batch: that is how protobuf repeats a field. */
function partsOf(wires: readonly Mutable<PeerMessage>[]): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let small: PeerMessage[] = [];
  for (const wire of wires) {
    if (!hasLargeParts(wire)) {
      small.push(wire);
      continue;
    }
    if (small.length > 0) parts.push(batchOf(small));
    small = [];
    const { entries, data } = wire;
    wire.entries = NO_ENTRIES;
    wire.data = NO_DATA;
    const fields = [PeerMessage.encode(wire)];
    for (const entry of entries) pushEntry(fields, MESSAGE_ENTRIES_TAG, entry);
    for (const batch of data) pushField(fields, MESSAGE_DATA_TAG, [batch]);
    pushField(parts, BATCH_MESSAGES_TAG, fields);
  }
  if (small.length > 0) parts.push(batchOf(small));
  return parts;
}

/** Of a whole batch, for those who look at what members tell each other. */
export function decodeMessages(batch: Uint8Array): Message[] {
  return MessageBatch.decode(batch).messages.map(messageFromWire);
}

export function messageToWire(message: Message): Mutable<PeerMessage> {
  const wire = wireOf(kindOf(message), message);
  switch (message.kind) {
    case "append":
      wire.index = message.prevIndex;
      wire.logTerm = message.prevTerm;
      wire.commit = message.commit;
      wire.entries = message.entries.map(entryToMessage);
      return wire;
    case "append-response":
      wire.index = message.index;
      wire.rejected = message.rejected;
      wire.hintIndex = message.hintIndex;
      wire.hintTerm = message.hintTerm;
      return wire;
    case "commit":
      wire.index = message.index;
      wire.logTerm = message.logTerm;
      wire.commit = message.commit;
      return wire;
    case "heartbeat":
      wire.commit = message.commit;
      wire.context = message.round;
      return wire;
    case "heartbeat-response":
      wire.context = message.round;
      wire.idle = message.idle;
      return wire;
    case "vote":
    case "pre-vote":
      wire.index = message.lastIndex;
      wire.logTerm = message.lastTerm;
      wire.transfer = message.transfer;
      return wire;
    case "vote-response":
    case "pre-vote-response":
      wire.rejected = !message.granted;
      return wire;
    case "propose":
      wire.data = message.data;
      return wire;
    case "read-index":
      wire.context = message.context;
      return wire;
    case "read-index-response":
      wire.context = message.context;
      wire.index = message.index;
      return wire;
    case "timeout-now":
      return wire;
    case "snapshot":
      throw new TypeError("A snapshot message is for the sender's own node, not for the wire");
    default:
      return unreachable(message, "message");
  }
}

function kindOf({ kind }: Message): number {
  switch (kind) {
    case "append":
      return PeerMessageKind.APPEND;
    case "append-response":
      return PeerMessageKind.APPEND_RESPONSE;
    case "commit":
      return PeerMessageKind.COMMIT;
    case "heartbeat":
      return PeerMessageKind.HEARTBEAT;
    case "heartbeat-response":
      return PeerMessageKind.HEARTBEAT_RESPONSE;
    case "vote":
      return PeerMessageKind.VOTE;
    case "pre-vote":
      return PeerMessageKind.PRE_VOTE;
    case "vote-response":
      return PeerMessageKind.VOTE_RESPONSE;
    case "pre-vote-response":
      return PeerMessageKind.PRE_VOTE_RESPONSE;
    case "propose":
      return PeerMessageKind.PROPOSE;
    case "read-index":
      return PeerMessageKind.READ_INDEX;
    case "read-index-response":
      return PeerMessageKind.READ_INDEX_RESPONSE;
    case "timeout-now":
      return PeerMessageKind.TIMEOUT_NOW;
    case "snapshot":
      return PeerMessageKind.UNKNOWN;
    default:
      return unreachable(kind, "message kind");
  }
}

/** Throws `RangeError` where a counter is not exact or the kind is not known. */
export function messageFromWire(wire: PeerMessage): Message {
  const { from, to } = wire;
  const term = counter(wire.term, "term");
  const index = counter(wire.index, "index");
  const logTerm = counter(wire.logTerm, "log term");
  const commit = counter(wire.commit, "commit index");
  const context = counter(wire.context, "context");
  switch (
    wire.kind as Kinds[keyof Kinds] // Any other value goes to the default.
  ) {
    case PeerMessageKind.APPEND: {
      const entries = wire.entries.map(entryFromMessage);
      return {
        kind: "append",
        from,
        to,
        term,
        prevIndex: index,
        prevTerm: logTerm,
        commit,
        entries,
      };
    }
    case PeerMessageKind.APPEND_RESPONSE: {
      const hintIndex = counter(wire.hintIndex, "hint index");
      const hintTerm = counter(wire.hintTerm, "hint term");
      const { rejected } = wire;
      return { kind: "append-response", from, to, term, index, rejected, hintIndex, hintTerm };
    }
    case PeerMessageKind.COMMIT:
      return { kind: "commit", from, to, term, index, logTerm, commit };
    case PeerMessageKind.HEARTBEAT:
      return { kind: "heartbeat", from, to, term, commit, round: context };
    case PeerMessageKind.HEARTBEAT_RESPONSE:
      return { kind: "heartbeat-response", from, to, term, round: context, idle: wire.idle };
    case PeerMessageKind.VOTE:
    case PeerMessageKind.PRE_VOTE: {
      const kind = wire.kind === PeerMessageKind.VOTE ? "vote" : "pre-vote";
      const { transfer } = wire;
      return { kind, from, to, term, lastIndex: index, lastTerm: logTerm, transfer };
    }
    case PeerMessageKind.VOTE_RESPONSE:
      return { kind: "vote-response", from, to, term, granted: !wire.rejected };
    case PeerMessageKind.PRE_VOTE_RESPONSE:
      return { kind: "pre-vote-response", from, to, term, granted: !wire.rejected };
    case PeerMessageKind.PROPOSE:
      return { kind: "propose", from, to, term, data: wire.data };
    case PeerMessageKind.READ_INDEX:
      return { kind: "read-index", from, to, term, context };
    case PeerMessageKind.READ_INDEX_RESPONSE:
      return { kind: "read-index-response", from, to, term, context, index };
    case PeerMessageKind.TIMEOUT_NOW:
      return { kind: "timeout-now", from, to, term };
    case PeerMessageKind.UNKNOWN:
    default:
      throw new RangeError(`peer message of unknown kind ${wire.kind}`);
  }
}
