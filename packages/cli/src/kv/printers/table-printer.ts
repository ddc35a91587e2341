/** `-w table`: only lists of members and endpoints are tables; the rest etcdctl refuses, too. */
import { formatDuration } from "../text/duration.js";
import { asciiTable } from "./ascii-table.js";
import { memberRow, statusRow } from "./endpoint-rows.js";
import type { Printer } from "./results.js";

const MEMBER_HEADER = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];
const STATUS_HEADER = [
  "ENDPOINT",
  "ID",
  "VERSION",
  "DB SIZE",
  "IS LEADER",
  "IS LEARNER",
  "RAFT TERM",
  "RAFT INDEX",
  "RAFT APPLIED INDEX",
  "ERRORS",
];

export const TABLE_PRINTER: Printer = {
  "member list": ({ members }) => [asciiTable(MEMBER_HEADER, members.map(memberRow))],
  "endpoint status": (statuses) => [asciiTable(STATUS_HEADER, statuses.map(statusRow))],
  "endpoint health": (healths) => [
    asciiTable(
      ["ENDPOINT", "HEALTH", "TOOK", "ERROR"],
      healths.map(({ endpoint, isHealthy, tookMs, error }) => [
        endpoint,
        String(isHealthy),
        formatDuration(tookMs),
        error,
      ]),
    ),
  ],
  "endpoint hashkv": (hashes) => [
    asciiTable(
      ["ENDPOINT", "HASH"],
      hashes.map(({ endpoint, response }) => [endpoint, String(response.hash)]),
    ),
  ],
};
