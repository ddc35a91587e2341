/** Peer messages between the core's union and the wire's one message type. */
import { unreachable } from "@sagong/base";
import type { Message } from "../core/message.js";
import { PeerMessage, PeerMessageKind } from "../gen/raft.js";
import { counter, entryFromMessage, entryToMessage } from "../storage/record-codec.js";

type Kinds = typeof PeerMessageKind;

export function messageToWire(message: Message): PeerMessage {
  const { from, to, term } = message;
  const base = { from, to, term };
  switch (message.kind) {
    case "append":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.APPEND,
        index: message.prevIndex,
        logTerm: message.prevTerm,
        commit: message.commit,
        entries: message.entries.map(entryToMessage),
      });
    case "append-response":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.APPEND_RESPONSE,
        index: message.index,
        rejected: message.rejected,
        hintIndex: message.hintIndex,
        hintTerm: message.hintTerm,
      });
    case "commit":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.COMMIT,
        index: message.index,
        logTerm: message.logTerm,
        commit: message.commit,
      });
    case "heartbeat":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.HEARTBEAT,
        commit: message.commit,
        context: message.round,
      });
    case "heartbeat-response":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.HEARTBEAT_RESPONSE,
        context: message.round,
      });
    case "vote":
    case "pre-vote":
      return PeerMessage.create({
        ...base,
        kind: message.kind === "vote" ? PeerMessageKind.VOTE : PeerMessageKind.PRE_VOTE,
        index: message.lastIndex,
        logTerm: message.lastTerm,
        transfer: message.transfer,
      });
    case "vote-response":
    case "pre-vote-response":
      return PeerMessage.create({
        ...base,
        kind:
          message.kind === "vote-response"
            ? PeerMessageKind.VOTE_RESPONSE
            : PeerMessageKind.PRE_VOTE_RESPONSE,
        rejected: !message.granted,
      });
    case "propose":
      return PeerMessage.create({ ...base, kind: PeerMessageKind.PROPOSE, data: message.data });
    case "read-index":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.READ_INDEX,
        context: message.context,
      });
    case "read-index-response":
      return PeerMessage.create({
        ...base,
        kind: PeerMessageKind.READ_INDEX_RESPONSE,
        context: message.context,
        index: message.index,
      });
    case "timeout-now":
      return PeerMessage.create({ ...base, kind: PeerMessageKind.TIMEOUT_NOW });
    case "snapshot":
      throw new TypeError("A snapshot message is for the sender's own node, not for the wire");
    default:
      return unreachable(message, "message");
  }
}

/** Throws `RangeError` where a counter is not exact or the kind is not known. */
export function messageFromWire(wire: PeerMessage): Message {
  const envelope = { from: wire.from, to: wire.to, term: counter(wire.term, "term") };
  const index = counter(wire.index, "index");
  const logTerm = counter(wire.logTerm, "log term");
  switch (
    wire.kind as Kinds[keyof Kinds] // Any other value goes to the default.
  ) {
    case PeerMessageKind.APPEND:
      return {
        ...envelope,
        kind: "append",
        prevIndex: index,
        prevTerm: logTerm,
        commit: counter(wire.commit, "commit index"),
        entries: wire.entries.map(entryFromMessage),
      };
    case PeerMessageKind.APPEND_RESPONSE:
      return {
        ...envelope,
        kind: "append-response",
        index,
        rejected: wire.rejected,
        hintIndex: counter(wire.hintIndex, "hint index"),
        hintTerm: counter(wire.hintTerm, "hint term"),
      };
    case PeerMessageKind.COMMIT:
      return {
        ...envelope,
        kind: "commit",
        index,
        logTerm,
        commit: counter(wire.commit, "commit index"),
      };
    case PeerMessageKind.HEARTBEAT:
      return {
        ...envelope,
        kind: "heartbeat",
        commit: counter(wire.commit, "commit index"),
        round: counter(wire.context, "round"),
      };
    case PeerMessageKind.HEARTBEAT_RESPONSE:
      return { ...envelope, kind: "heartbeat-response", round: counter(wire.context, "round") };
    case PeerMessageKind.VOTE:
      return {
        ...envelope,
        kind: "vote",
        lastIndex: index,
        lastTerm: logTerm,
        transfer: wire.transfer,
      };
    case PeerMessageKind.PRE_VOTE:
      return {
        ...envelope,
        kind: "pre-vote",
        lastIndex: index,
        lastTerm: logTerm,
        transfer: wire.transfer,
      };
    case PeerMessageKind.VOTE_RESPONSE:
      return { ...envelope, kind: "vote-response", granted: !wire.rejected };
    case PeerMessageKind.PRE_VOTE_RESPONSE:
      return { ...envelope, kind: "pre-vote-response", granted: !wire.rejected };
    case PeerMessageKind.PROPOSE:
      return { ...envelope, kind: "propose", data: wire.data };
    case PeerMessageKind.READ_INDEX:
      return { ...envelope, kind: "read-index", context: counter(wire.context, "context") };
    case PeerMessageKind.READ_INDEX_RESPONSE:
      return {
        ...envelope,
        kind: "read-index-response",
        context: counter(wire.context, "context"),
        index,
      };
    case PeerMessageKind.TIMEOUT_NOW:
      return { ...envelope, kind: "timeout-now" };
    case PeerMessageKind.UNKNOWN:
    default:
      throw new RangeError(`peer message of unknown kind ${wire.kind}`);
  }
}
