/** Expected texts were printed by etcdctl 3.4.23 for a store in the same state. */
import { concatBytes, decodeUtf8, encodeUtf8 } from "@sagong/base";
import {
  Event,
  EventType,
  KeyValue,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  TxnResponse,
} from "@sagong/kv/client";
import { describe, expect, it } from "vitest";
import { type OutputFormat, printerFor } from "./printer-for.js";
import type { Results } from "./results.js";

const header = ResponseHeader.create({
  clusterId: 2755613793311995676n,
  memberId: 9829954754940738069n,
  revision: 7,
  raftTerm: 2,
});
const HEADER_JSON =
  '{"cluster_id":2755613793311995676,"member_id":9829954754940738069,"revision":7,"raft_term":2}';
const HEADER_FIELDS =
  '"ClusterID" : 2755613793311995676\n"MemberID" : 9829954754940738069\n' +
  '"Revision" : 7\n"RaftTerm" : 2\n';
const foo = KeyValue.create({
  key: encodeUtf8("foo"),
  value: encodeUtf8("xjson"),
  createRevision: 2,
  modRevision: 7,
  version: 4,
});
const FOO_JSON =
  '{"key":"Zm9v","create_revision":2,"mod_revision":7,"version":4,"value":"eGpzb24="}';

function printed<Kind extends keyof Results>(
  kind: Kind,
  result: Results[Kind],
  { format = "simple", isHex = false }: { format?: OutputFormat; isHex?: boolean } = {},
): string {
  const pieces = printerFor(kind, format, { isHex })(result);
  return decodeUtf8(
    concatBytes(pieces.map((piece) => (typeof piece === "string" ? encodeUtf8(piece) : piece))),
  );
}

describe("get", () => {
  const response = RangeResponse.create({ header, kvs: [foo], count: 1 });

  it("prints keys and values, only values, or how many", () => {
    expect(printed("get", { response })).toBe("foo\nxjson\n");
    expect(printed("get", { response, show: "values" })).toBe("xjson\n");
    expect(printed("get", { response, show: "count" })).toBe("1\n");
    expect(printed("get", { response }, { isHex: true })).toBe(
      "\\x66\\x6f\\x6f\n\\x78\\x6a\\x73\\x6f\\x6e\n",
    );
  });

  it("prints JSON without what is empty", () => {
    expect(printed("get", { response }, { format: "json" })).toBe(
      `{"header":${HEADER_JSON},"kvs":[${FOO_JSON}],"count":1}\n`,
    );
    const empty = RangeResponse.create({ header });
    expect(printed("get", { response: empty }, { format: "json" })).toBe(
      `{"header":${HEADER_JSON}}\n`,
    );
  });

  it("prints fields", () => {
    expect(printed("get", { response }, { format: "fields" })).toBe(
      `${HEADER_FIELDS}"Key" : "foo"\n"CreateRevision" : 2\n"ModRevision" : 7\n` +
        '"Version" : 4\n"Value" : "xjson"\n"Lease" : 0\n"More" : false\n"Count" : 1\n',
    );
  });

  it("keeps bytes that are no text", () => {
    const value = new Uint8Array([0xff, 0x00]);
    const pieces = printerFor("get", "simple", { isHex: false })({
      response: RangeResponse.create({ kvs: [{ ...foo, value }] }),
    });
    expect(pieces).toContain(value);
  });
});

describe("txn", () => {
  const inner = ResponseHeader.create({ revision: 7 });
  const response = TxnResponse.create({
    header,
    succeeded: true,
    responses: [
      { response: { kind: "responsePut", value: PutResponse.create({ header: inner }) } },
      {
        response: {
          kind: "responseRange",
          value: RangeResponse.create({ header: inner, kvs: [foo], count: 1 }),
        },
      },
      {
        response: {
          kind: "responseTxn",
          value: TxnResponse.create({ header: inner }),
        },
      },
    ],
  });

  it("prints each answer behind an empty line", () => {
    expect(printed("txn", response)).toBe("SUCCESS\n\nOK\n\nfoo\nxjson\n\nFAILURE\n");
  });

  it("prints JSON with Go's names for the kinds of answers", () => {
    expect(printed("txn", response, { format: "json" })).toBe(
      `{"header":${HEADER_JSON},"succeeded":true,"responses":[` +
        '{"Response":{"ResponsePut":{"header":{"revision":7}}}},' +
        `{"Response":{"ResponseRange":{"header":{"revision":7},"kvs":[${FOO_JSON}],"count":1}}},` +
        '{"Response":{"ResponseTxn":{"header":{"revision":7}}}}]}\n',
    );
  });
});

describe("watch", () => {
  const deletion = Event.create({
    type: EventType.DELETE,
    kv: KeyValue.create({ key: encodeUtf8("wk"), modRevision: 57 }),
    prevKv: foo,
  });
  const batch = { revision: 57, header, events: [deletion] };

  it("prints the type, what was, what is", () => {
    expect(printed("watch", batch)).toBe("DELETE\nfoo\nxjson\nwk\n\n");
  });

  it("prints JSON with the client library's names", () => {
    expect(printed("watch", batch, { format: "json" })).toBe(
      `{"Header":${HEADER_JSON},"Events":[{"type":1,"kv":{"key":"d2s=","mod_revision":57},` +
        `"prev_kv":${FOO_JSON}}],"CompactRevision":0,"Canceled":false,"Created":false}\n`,
    );
  });
});

describe("lease", () => {
  const id = 0x1234n;
  const dead = LeaseTimeToLiveResponse.create({ header, id, ttl: -1 });
  const alive = LeaseTimeToLiveResponse.create({
    header,
    id,
    ttl: 99,
    grantedTtl: 100,
    keys: [encodeUtf8("lk1"), encodeUtf8("lk2")],
  });

  it("prints how long it lives, and its keys where they were asked for", () => {
    const line = "lease 0000000000001234 granted with TTL(100s), remaining(99s)";
    expect(printed("lease timetolive", { response: alive, withKeys: false })).toBe(`${line}\n`);
    expect(printed("lease timetolive", { response: alive, withKeys: true })).toBe(
      `${line}, attached keys([lk1 lk2])\n`,
    );
    expect(printed("lease timetolive", { response: dead, withKeys: true })).toBe(
      "lease 0000000000001234 already expired\n",
    );
  });

  it("prints JSON with the header's fields among its own", () => {
    const start = HEADER_JSON.slice(0, -1);
    expect(
      printed("lease timetolive", { response: alive, withKeys: true }, { format: "json" }),
    ).toBe(`${start},"id":4660,"ttl":99,"granted-ttl":100,"keys":["bGsx","bGsy"]}\n`);
    expect(
      printed("lease timetolive", { response: dead, withKeys: true }, { format: "json" }),
    ).toBe(`${start},"id":4660,"ttl":-1,"granted-ttl":0,"keys":null}\n`);
  });
});

describe("tables", () => {
  it("prints members with headings in the middle and cells to the right", () => {
    const response = MemberListResponse.create({
      header,
      members: [
        {
          id: 0x886b03c4ae679a15n,
          name: "default",
          peerUrls: ["http://127.0.0.1:24800"],
          clientUrls: ["http://127.0.0.1:24790"],
          isLearner: false,
        },
      ],
    });
    expect(printed("member list", response, { format: "table" })).toBe(
      [
        "+------------------+---------+---------+------------------------+------------------------+------------+",
        "|        ID        | STATUS  |  NAME   |       PEER ADDRS       |      CLIENT ADDRS      | IS LEARNER |",
        "+------------------+---------+---------+------------------------+------------------------+------------+",
        "| 886b03c4ae679a15 | started | default | http://127.0.0.1:24800 | http://127.0.0.1:24790 |      false |",
        "+------------------+---------+---------+------------------------+------------------------+------------+",
        "",
      ].join("\n"),
    );
    expect(printed("member list", response)).toBe(
      "886b03c4ae679a15, started, default, http://127.0.0.1:24800, http://127.0.0.1:24790, false\n",
    );
  });

  it("are refused for what is none", () => {
    expect(() => printerFor("put", "table", { isHex: false })).toThrow(
      "table not supported as output format",
    );
  });
});

describe("endpoints", () => {
  const healths = [
    { endpoint: "a:1", isHealthy: true, tookMs: 0.864765, error: "" },
    { endpoint: "b:1", isHealthy: false, tookMs: 5_000.5, error: "no <leader>" },
  ];

  it("health as JSON escapes as Go does", () => {
    expect(printed("endpoint health", healths, { format: "json" })).toBe(
      '[{"endpoint":"a:1","health":true,"took":"864.765µs"},' +
        '{"endpoint":"b:1","health":false,"took":"5.0005s","error":"no \\u003cleader\\u003e"}]\n',
    );
  });

  it("health as lines and as fields", () => {
    expect(printed("endpoint health", healths)).toBe(
      "a:1 is healthy: successfully committed proposal: took = 864.765µs\n" +
        "b:1 is unhealthy: failed to commit proposal: no <leader>\n",
    );
    expect(printed("endpoint health", healths.slice(0, 1), { format: "fields" })).toBe(
      '"Endpoint" : "a:1"\n"Health" : true\n"Took" : 864.765µs\n"Error" : \n\n',
    );
  });
});
