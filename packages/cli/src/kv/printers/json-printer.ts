/**
 * `-w json`: the messages as Go's encoding/json shows the structs of etcd's client, because that is
 * what scripts parse. Those structs' names are mixed on purpose of nobody: `cluster_id`, `ID`,
 * `granted-ttl`, `ResponsePut`, …; lease answers carry the header's fields among their own.
 */
import type {
  Event,
  KeyValue,
  Member,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  StatusResponse,
  TxnResponse,
} from "@sagong/kv/client";
import { formatDuration } from "../text/duration.js";
import { type GoJson, goJson, omitEmpty } from "../text/go-json.js";
import type { Pieces, Printer, Results } from "./results.js";

export const JSON_PRINTER: Printer = {
  get: ({ response }) => line(range(response)),
  put: (response) => line(put(response)),
  del: (response) => line(del(response)),
  txn: (response) => line(txn(response)),
  watch: ({ header: of, events, compactRevision = 0 }) =>
    line({
      Header: header(of) ?? {},
      Events: events.map(event),
      CompactRevision: compactRevision,
      Canceled: compactRevision > 0,
      Created: false,
    }),
  "lease grant": ({ header: of, id, ttl, error }) =>
    line({ ...header(of), ID: id, TTL: ttl, Error: error }),
  "lease revoke": ({ response }) => line({ header: header(response.header) }),
  "lease timetolive": ({ response: { header: of, id, ttl, grantedTtl, keys } }) =>
    line({
      ...header(of),
      id,
      ttl,
      "granted-ttl": grantedTtl,
      keys: keys.length === 0 ? null : keys,
    }),
  "lease list": ({ header: of, leases }) =>
    line({ ...header(of), leases: leases.map(({ id }) => ({ id })) }),
  "lease keep-alive": ({ header: of, id, ttl }) => line({ ...header(of), ID: id, TTL: ttl }),
  "member list": ({ header: of, members }) =>
    line({ header: header(of), members: omitEmpty(members.map(member)) }),
  "endpoint status": (statuses) =>
    line(statuses.map((of) => ({ Endpoint: of.endpoint, Status: status(of.status) }))),
  "endpoint health": (healths) => line(healths.map(health)),
  "endpoint hashkv": (hashes) =>
    line(
      hashes.map(({ endpoint, response }) => ({
        Endpoint: endpoint,
        HashKV: {
          header: header(response.header),
          hash: omitEmpty(response.hash),
          compact_revision: omitEmpty(response.compactRevision),
        },
      })),
    ),
};

function line(value: GoJson): Pieces {
  return [goJson(value), "\n"];
}

type Fields = Readonly<Record<string, GoJson>>;

function header(of: ResponseHeader | undefined): Fields | undefined {
  if (!of) return undefined;
  return {
    cluster_id: omitEmpty(of.clusterId),
    member_id: omitEmpty(of.memberId),
    revision: omitEmpty(of.revision),
    raft_term: omitEmpty(of.raftTerm),
  };
}

function keyValue(kv: KeyValue | undefined): Fields | undefined {
  if (!kv) return undefined;
  return {
    key: omitEmpty(kv.key),
    create_revision: omitEmpty(kv.createRevision),
    mod_revision: omitEmpty(kv.modRevision),
    version: omitEmpty(kv.version),
    value: omitEmpty(kv.value),
    lease: omitEmpty(kv.lease),
  };
}

function range(response: RangeResponse): Fields {
  return {
    header: header(response.header),
    kvs: omitEmpty(response.kvs.map(keyValue)),
    more: omitEmpty(response.more),
    count: omitEmpty(response.count),
  };
}

function put(response: Results["put"]): Fields {
  return { header: header(response.header), prev_kv: keyValue(response.prevKv) };
}

function del(response: Results["del"]): Fields {
  return {
    header: header(response.header),
    deleted: omitEmpty(response.deleted),
    prev_kvs: omitEmpty(response.prevKvs.map(keyValue)),
  };
}

function txn(response: TxnResponse): Fields {
  return {
    header: header(response.header),
    succeeded: omitEmpty(response.succeeded),
    responses: omitEmpty(response.responses.map((op) => ({ Response: answer(op) }))),
  };
}

function answer({ response }: ResponseOp): GoJson {
  switch (response?.kind) {
    case "responseRange":
      return { ResponseRange: range(response.value) };
    case "responsePut":
      return { ResponsePut: put(response.value) };
    case "responseDeleteRange":
      return { ResponseDeleteRange: del(response.value) };
    case "responseTxn":
      return { ResponseTxn: txn(response.value) };
    case undefined:
      return null;
  }
}

function event({ type, kv, prevKv }: Event): Fields {
  return { type: omitEmpty(type), kv: keyValue(kv), prev_kv: keyValue(prevKv) };
}

function member(of: Member): Fields {
  return {
    ID: omitEmpty(of.id),
    name: omitEmpty(of.name),
    peerURLs: omitEmpty(of.peerUrls),
    clientURLs: omitEmpty(of.clientUrls),
    isLearner: omitEmpty(of.isLearner),
  };
}

/** The fields that etcdctl 3.4 and 3.5 know; later ones would be new to their readers. */
function status(of: StatusResponse): Fields {
  return {
    header: header(of.header),
    version: omitEmpty(of.version),
    dbSize: omitEmpty(of.dbSize),
    leader: omitEmpty(of.leader),
    raftIndex: omitEmpty(of.raftIndex),
    raftTerm: omitEmpty(of.raftTerm),
    raftAppliedIndex: omitEmpty(of.raftAppliedIndex),
    errors: omitEmpty(of.errors),
    dbSizeInUse: omitEmpty(of.dbSizeInUse),
    isLearner: omitEmpty(of.isLearner),
  };
}

function health({
  endpoint,
  isHealthy,
  tookMs,
  error,
}: Results["endpoint health"][number]): Fields {
  return {
    endpoint,
    health: isHealthy,
    took: formatDuration(tookMs),
    error: omitEmpty(error),
  };
}
