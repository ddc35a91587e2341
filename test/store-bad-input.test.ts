/**
 * What users and clients get wrong. Every refusal has its own sentence, and the member goes on.
 *
 * Where etcd is installed, the same requests are made of it: our texts and codes are its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeUtf8 } from "@sagong/base";
import { CompactionRequest, KvService, PutRequest, RangeRequest } from "@sagong/kv/testing";
import { createChannel, StatusCode } from "@sagong/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BAD_REQUESTS, type Server } from "./support/bad-requests.js";
import { EtcdProcess } from "./support/etcd-process.js";
import { storeCluster, type StoreProcess } from "./support/store-process.js";
import { findTool } from "./support/tools.js";

const etcd = findTool("etcd");
const kv = KvService.methods;
const KEY = encodeUtf8("k");
const OPTIONS = { timeoutMs: 10_000 } as const;

const dir = mkdtempSync(join(tmpdir(), "sagong-bad-input-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function oneMember(
  name: string,
  flags: Readonly<Record<string, string | number>> = {},
): Promise<StoreProcess> {
  const [member] = await storeCluster(join(dir, name), { count: 1, flags });
  if (!member) throw new Error("no member");
  return member;
}

describe("sagong store, told what makes no sense", () => {
  let member: StoreProcess;
  beforeAll(async () => {
    member = await oneMember("flags");
  });

  it.each([
    [["--foo"], 2, "flag provided but not defined: -foo"],
    [["--name"], 2, "flag needs an argument: -name"],
    [["extra"], 2, "'extra' is not a valid flag"],
    [
      ["--heartbeat-interval=abc"],
      2,
      'invalid value "abc" for flag -heartbeat-interval: parse error',
    ],
    [["--election-timeout=100"], 2, "--election-timeout[100ms] should be at least as 5 times as"],
    [
      ["--listen-peer-urls=ftp://h:1"],
      2,
      'invalid value "ftp://h:1" for flag -listen-peer-urls: URL scheme must be http, https, unix, or unixs: ftp://h:1',
    ],
    [["--initial-cluster=b=http://127.0.0.1:1"], 2, 'couldn\'t find local name "m1"'],
    [["--cert-file=x"], 2, "flag -cert-file of etcd is not supported by sagong store yet"],
    [["--max-txn-ops=0"], 2, "--max-txn-ops is 0, expected a number from 1"],
    [["--data-dir=/dev/null"], 1, "Cannot use the data directory /dev/null: ENOTDIR"],
  ])("refuses %j", async (words, code, sentence) => {
    member.spawn(words);
    expect(await member.exited).toBe(code);
    expect(member.output).toContain(`sagong store: ${sentence}`);
    expect(member.output.split("\n").filter((line) => line.startsWith("    at "))).toEqual([]);
  });
});

describe.each([
  { name: "sagong store", isOurs: true },
  { name: "etcd (skipped: needs etcd)", isOurs: false },
])("$name, asked for what cannot be", ({ isOurs }) => {
  // Tests of what is not there are skipped one by one, which the report counts.
  const can = isOurs || etcd !== undefined;
  const original = new EtcdProcess();
  let member: StoreProcess | undefined;
  let server: Server;

  beforeAll(async () => {
    if (!can) return;
    if (isOurs) {
      member = await oneMember("requests");
      await member.start();
    } else {
      await original.start(etcd ?? "");
    }
    const endpoint = member?.endpoint ?? original.endpoint;
    server = { endpoint, channel: createChannel({ endpoint: `http://${endpoint}` }) };
    const { channel } = server;
    for (let i = 0; i < 3; i++)
      await channel.unary(kv.put, PutRequest.create({ key: KEY }), OPTIONS);
    await channel.unary(kv.compact, CompactionRequest.create({ revision: 3 }), OPTIONS);
  });

  afterAll(async () => {
    await server?.channel.close();
    await member?.end("SIGTERM");
    await original.stop();
  });

  it.skipIf(!can).each(BAD_REQUESTS)("refuses $what", async ({ make, code, message }) => {
    const refusal = await make(server).then(
      () => ({ code: StatusCode.ok, message: "" }),
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code, ...(message === undefined ? {} : { message }) });
  });

  it.skipIf(!can)("goes on afterwards, and no refusal had an effect", async () => {
    const everything = RangeRequest.create({ key: encodeUtf8("\0"), rangeEnd: encodeUtf8("\0") });
    const { kvs, header } = await server.channel.unary(kv.range, everything, OPTIONS);
    expect(kvs.map(({ version }) => version)).toEqual([3]);
    expect(header?.revision).toBe(4);
    const { header: after } = await server.channel.unary(
      kv.put,
      PutRequest.create({ key: KEY }),
      OPTIONS,
    );
    expect(after?.revision).toBe(5);
  });
});
