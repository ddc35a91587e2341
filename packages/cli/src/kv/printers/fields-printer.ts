/** `-w fields`: one `"Name" : value` a line, keys and values as Go's quoted strings. */
import {
  type Event,
  EventType,
  type KeyValue,
  type RangeResponse,
  type ResponseHeader,
  type ResponseOp,
} from "@sagong/kv/client";
import { formatDuration } from "../text/duration.js";
import { quote } from "../text/quote.js";
import { encodeUtf8 } from "@sagong/base";
import type { Pieces, Printer, Results } from "./results.js";

export const FIELDS_PRINTER: Printer = {
  get: ({ response }) => range(response),
  put,
  del,
  txn,
  watch: ({ header: of, events }) => [...header(of), ...events.flatMap(event)],
  "lease grant": ({ header: of, id, ttl }) => [...header(of), field("ID", id), field("TTL", ttl)],
  "lease revoke": ({ response }) => header(response.header),
  "lease timetolive": ({ response: { header: of, id, ttl, grantedTtl, keys } }) => [
    ...header(of),
    field("ID", id),
    field("TTL", ttl),
    field("GrantedTTL", grantedTtl),
    ...keys.map((key) => field("Key", key)),
  ],
  "lease list": ({ header: of, leases }) => [
    ...header(of),
    ...leases.map(({ id }) => field("ID", id)),
  ],
  "lease keep-alive": ({ header: of, id, ttl }) => [
    ...header(of),
    field("ID", id),
    field("TTL", ttl),
  ],
  "member list": ({ header: of, members }) => [
    ...header(of),
    ...members.flatMap((member) => [
      field("ID", member.id),
      field("Name", encodeUtf8(member.name)),
      ...member.peerUrls.map((url) => field("PeerURL", encodeUtf8(url))),
      ...member.clientUrls.map((url) => field("ClientURL", encodeUtf8(url))),
      field("IsLearner", member.isLearner),
      "\n",
    ]),
  ],
  "endpoint status": (statuses) => statuses.flatMap(status),
  "endpoint health": (healths) =>
    healths.flatMap(({ endpoint, isHealthy, tookMs, error }) => [
      field("Endpoint", encodeUtf8(endpoint)),
      field("Health", isHealthy),
      field("Took", formatDuration(tookMs)),
      field("Error", error),
      "\n",
    ]),
  "endpoint hashkv": (hashes) =>
    hashes.flatMap(({ endpoint, response }) => [
      ...header(response.header),
      field("Endpoint", encodeUtf8(endpoint)),
      field("Hash", response.hash),
      "\n",
    ]),
};

/** Bytes are quoted, the rest stands as it is. */
function field(name: string, value: string | number | bigint | boolean | Uint8Array): string {
  return `"${name}" : ${value instanceof Uint8Array ? quote(value) : String(value)}\n`;
}

function header(of: ResponseHeader | undefined): Pieces {
  if (!of) return [];
  return [
    field("ClusterID", of.clusterId),
    field("MemberID", of.memberId),
    field("Revision", of.revision),
    field("RaftTerm", of.raftTerm),
  ];
}

/** `prefix` is "" or "Prev". */
function keyValue(prefix: string, kv: KeyValue): Pieces {
  return [
    field(`${prefix}Key`, kv.key),
    field(`${prefix}CreateRevision`, kv.createRevision),
    field(`${prefix}ModRevision`, kv.modRevision),
    field(`${prefix}Version`, kv.version),
    field(`${prefix}Value`, kv.value),
    field(`${prefix}Lease`, kv.lease),
  ];
}

function range(response: RangeResponse): Pieces {
  return [
    ...header(response.header),
    ...response.kvs.flatMap((kv) => keyValue("", kv)),
    field("More", response.more),
    field("Count", response.count),
  ];
}

function put(response: Results["put"]): Pieces {
  return [
    ...header(response.header),
    ...(response.prevKv ? keyValue("Prev", response.prevKv) : []),
  ];
}

function del(response: Results["del"]): Pieces {
  return [
    ...header(response.header),
    field("Deleted", response.deleted),
    ...response.prevKvs.flatMap((kv) => keyValue("Prev", kv)),
  ];
}

function txn(response: Results["txn"]): Pieces {
  return [
    ...header(response.header),
    field("Succeeded", response.succeeded),
    ...response.responses.flatMap(answer),
  ];
}

function answer({ response }: ResponseOp): Pieces {
  switch (response?.kind) {
    case "responseRange":
      return range(response.value);
    case "responsePut":
      return put(response.value);
    case "responseDeleteRange":
      return del(response.value);
    case "responseTxn":
      return txn(response.value);
    case undefined:
      return [];
  }
}

function event({ type, kv, prevKv }: Event): Pieces {
  return [
    field("Type", type === EventType.DELETE ? "DELETE" : "PUT"),
    ...(prevKv ? keyValue("Prev", prevKv) : []),
    ...(kv ? keyValue("", kv) : []),
  ];
}

function status({ endpoint, status: of }: Results["endpoint status"][number]): Pieces {
  return [
    ...header(of.header),
    field("Version", encodeUtf8(of.version)),
    field("DBSize", of.dbSize),
    field("Leader", of.leader),
    field("IsLearner", of.isLearner),
    field("RaftIndex", of.raftIndex),
    field("RaftTerm", of.raftTerm),
    field("RaftAppliedIndex", of.raftAppliedIndex),
    field("Errors", `[${of.errors.join(" ")}]`),
    field("Endpoint", encodeUtf8(endpoint)),
    "\n",
  ];
}
