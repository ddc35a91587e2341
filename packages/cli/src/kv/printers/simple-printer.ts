/**
 * `-w simple`, the default: keys and values as they are, a line each. Texts and their order are
 * etcdctl's to the byte, because scripts read them.
 */
import { type Event, EventType, type KeyValue, type ResponseOp } from "@sagong/kv/client";
import { formatDuration } from "../text/duration.js";
import { hexId } from "../text/integer.js";
import { memberRow, statusRow } from "./endpoint-rows.js";
import type { Pieces, Printer, Results } from "./results.js";

export interface SimpleOptions {
  /** Shows keys and values as `\x66\x6f\x6f`. */
  readonly isHex: boolean;
}

export function simplePrinter({ isHex }: SimpleOptions): Printer {
  const shown = (bytes: Uint8Array): string | Uint8Array => (isHex ? escapedHex(bytes) : bytes);
  const pair = ({ key, value }: KeyValue): Pieces => [shown(key), "\n", shown(value), "\n"];
  const get = ({ response, show = "everything" }: Results["get"]): Pieces => {
    if (show === "count") return [`${response.count}\n`];
    if (show === "values") return response.kvs.flatMap(({ value }) => [shown(value), "\n"]);
    return response.kvs.flatMap(pair);
  };
  const put = ({ prevKv }: Results["put"]): Pieces => ["OK\n", ...(prevKv ? pair(prevKv) : [])];
  const del = ({ deleted, prevKvs }: Results["del"]): Pieces => [
    `${deleted}\n`,
    ...prevKvs.flatMap(pair),
  ];
  const txn = ({ succeeded, responses }: Results["txn"]): Pieces => [
    succeeded ? "SUCCESS\n" : "FAILURE\n",
    ...responses.flatMap((op) => ["\n", ...answer(op)]),
  ];
  const answer = ({ response }: ResponseOp): Pieces => {
    switch (response?.kind) {
      case "responseRange":
        return get({ response: response.value });
      case "responsePut":
        return put(response.value);
      case "responseDeleteRange":
        return del(response.value);
      case "responseTxn":
        return txn(response.value);
      case undefined:
        return ["unexpected response without content\n"];
    }
  };
  const event = ({ type, kv, prevKv }: Event): Pieces => [
    type === EventType.DELETE ? "DELETE\n" : "PUT\n",
    ...(prevKv ? pair(prevKv) : []),
    ...(kv ? pair(kv) : []),
  ];
  return {
    get,
    put,
    del,
    txn,
    watch: ({ events }) => events.flatMap(event),
    ...LEASES,
    "member list": ({ members }) => members.map((member) => `${memberRow(member).join(", ")}\n`),
    "endpoint status": (statuses) => statuses.map((status) => `${statusRow(status).join(", ")}\n`),
    "endpoint health": (healths) => healths.map(health),
    "endpoint hashkv": (hashes) =>
      hashes.map(({ endpoint, response }) => `${endpoint}, ${response.hash}\n`),
  };
}

const LEASES = {
  "lease grant": ({ id, ttl }) => [`lease ${hexId(id)} granted with TTL(${ttl}s)\n`],
  "lease revoke": ({ id }) => [`lease ${hexId(id)} revoked\n`],
  "lease timetolive": ({ response: { id, ttl, grantedTtl, keys }, withKeys }) => {
    if (grantedTtl === 0) return [`lease ${hexId(id)} already expired\n`];
    const line = `lease ${hexId(id)} granted with TTL(${grantedTtl}s), remaining(${ttl}s)`;
    if (!withKeys) return [`${line}\n`];
    const list = keys.flatMap((key, i) => (i === 0 ? [key] : [" ", key]));
    return [`${line}, attached keys([`, ...list, "])\n"];
  },
  "lease list": ({ leases }) => [
    `found ${leases.length} leases\n`,
    ...leases.map(({ id }) => `${hexId(id)}\n`),
  ],
  "lease keep-alive": ({ id, ttl }) => [`lease ${hexId(id)} keepalived with TTL(${ttl})\n`],
} satisfies Printer;

function health({
  endpoint,
  isHealthy,
  tookMs,
  error,
}: Results["endpoint health"][number]): string {
  return isHealthy
    ? `${endpoint} is healthy: successfully committed proposal: took = ${formatDuration(tookMs)}\n`
    : `${endpoint} is unhealthy: failed to commit proposal: ${error}\n`;
}

function escapedHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += `\\x${byte.toString(16).padStart(2, "0")}`;
  return text;
}
