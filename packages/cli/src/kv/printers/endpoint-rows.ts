/** Members and endpoints as rows of words: what `-w simple` and `-w table` have in common. */
import type { Member } from "@sagong/kv/client";
import { humanBytes } from "../text/human-bytes.js";
import type { EndpointStatus } from "./results.js";

/** id, status, name, peer URLs, client URLs, is learner. */
export function memberRow(member: Member): readonly string[] {
  return [
    unpaddedHex(member.id),
    // A member publishes its name once it has started.
    member.name === "" ? "unstarted" : "started",
    member.name,
    member.peerUrls.join(","),
    member.clientUrls.join(","),
    String(member.isLearner),
  ];
}

/** endpoint, id, version, size, is leader, is learner, raft term, index and applied index, errors. */
export function statusRow({ endpoint, status }: EndpointStatus): readonly string[] {
  const memberId = status.header?.memberId ?? 0n;
  return [
    endpoint,
    unpaddedHex(memberId),
    status.version,
    humanBytes(status.dbSize),
    String(status.leader === memberId),
    String(status.isLearner),
    String(status.raftTerm),
    String(status.raftIndex),
    String(status.raftAppliedIndex),
    status.errors.join(", "),
  ];
}

function unpaddedHex(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}
