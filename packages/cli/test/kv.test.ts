/**
 * `sagong kv` against a member of the store in this process, by itself and beside the real etcdctl,
 * whose outputs it must equal. Where etcdctl is not installed that part is skipped, except in CI.
 */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concatBytes, encodeUtf8, silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { type RunningStore, startStore, STORE_DEFAULTS } from "@sagong/kv";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { kvCommand } from "../src/kv/kv-command.js";
import type { Io } from "../src/terminal.js";

let dir: string;
let store: RunningStore;
let endpoint: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "sagong-kv-cli-"));
  const port = await freePort();
  endpoint = `127.0.0.1:${port}`;
  const client = { text: `http://${endpoint}`, host: "127.0.0.1", port };
  const peer = { text: "http://127.0.0.1:0", host: "127.0.0.1", port: 0 };
  store = await startStore(
    {
      ...STORE_DEFAULTS,
      name: "m1",
      dataDir: join(dir, "m1"),
      listenClientUrls: [client],
      advertiseClientUrls: [client.text],
      listenPeerUrls: [peer],
      initialAdvertisePeerUrls: [peer.text],
      listenMetricsUrls: [],
      initialCluster: [{ name: "m1", peerUrls: [peer.text] }],
      initialClusterState: "new",
      initialClusterToken: "test",
      heartbeatIntervalMs: 50,
      electionTimeoutMs: 250,
      logLevel: "error",
    },
    { clock: realClock(), logger: silentLogger, randomSeed: 1 },
  );
}, 20_000);

afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

/** What every test that looks at keys starts from. */
async function putKeys(): Promise<void> {
  await sagong(["del", "", "--from-key"]);
  await sagong(["txn"], { input: '\nput a 1\nput foo bar\nput foo2 "<b&c>"\n\n\n' });
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Io["env"];
}

/** A command that runs: what it has written, and how to end it. */
interface Running {
  /** Resolves once `text` is in what it wrote. */
  readonly wrote: (text: string) => Promise<void>;
  readonly stop: () => void;
  readonly outcome: Promise<Outcome>;
}

/** With output as a byte string of latin1, so that none is lost. */
function start(args: readonly string[], { input = "", env = {} }: RunOptions = {}): Running {
  const stop = new AbortController();
  let out = "";
  let err = "";
  const waiting = new Map<string, () => void>();
  const write = (bytes: Uint8Array): void => {
    out += Buffer.from(bytes).toString("latin1");
    for (const [text, done] of waiting) if (out.includes(text)) done();
  };
  const io: Io = {
    out: (text) => write(encodeUtf8(text)),
    outBytes: write,
    err: (text) => (err += text),
    env: { ETCDCTL_ENDPOINTS: endpoint, ...env },
    stdin: chunksOf(typeof input === "string" ? encodeUtf8(input) : input),
    isTerminal: false,
    columns: undefined,
    signal: stop.signal,
  };
  return {
    wrote: (text) =>
      new Promise((resolve) => {
        if (out.includes(text)) resolve();
        else waiting.set(text, resolve);
      }),
    stop: () => stop.abort(),
    outcome: kvCommand(args, io).then((code) => ({ code, out, err })),
  };
}

function sagong(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return start(args, options).outcome;
}

/** In two parts, as pipes may cut anywhere. */
async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const middle = Math.floor(bytes.length / 2);
  yield await Promise.resolve(bytes.subarray(0, middle));
  yield bytes.subarray(middle);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || !address) throw new Error("no port was given");
  return address.port;
}

describe("sagong kv", () => {
  beforeEach(putKeys);

  it("put takes its value from standard input, bytes that are no text included", async () => {
    const value = new Uint8Array([0xff, 0x00, 0x0a, 0x20]);
    expect(await sagong(["put", "bin"], { input: value })).toMatchObject({ code: 0, out: "OK\n" });
    const { out } = await sagong(["get", "bin", "--print-value-only"]);
    expect(Buffer.from(out, "latin1")).toEqual(Buffer.from(concatBytes([value, encodeUtf8("\n")])));
    const forgotten = await sagong(["put", "bin"]);
    expect(forgotten).toEqual({
      code: 128,
      out: "",
      err: "Error: put command needs 1 argument and input from stdin or 2 arguments\n",
    });
  });

  it("get counts, where etcdctl 3.4 cannot", async () => {
    expect((await sagong(["get", "", "--from-key", "--count-only"])).out).toBe("3\n");
  });

  it("table is refused before anything is written", async () => {
    expect(await sagong(["put", "a", "2", "-w", "table"])).toEqual({
      code: 4,
      out: "",
      err: "Error: table not supported as output format\n",
    });
    expect((await sagong(["get", "a"])).out).toBe("a\n1\n");
  });

  it("txn compares leases, which etcdctl 3.4 cannot", async () => {
    const granted = await sagong(["lease", "grant", "100"]);
    const [, id = ""] = /^lease ([0-9a-f]{16}) granted with TTL\(100s\)\n$/.exec(granted.out) ?? [];
    await sagong(["put", "leased", "1", "--lease", id]);
    const input = `lease("leased") = "${id}"\n\nget leased\n\nget a\n\n`;
    expect((await sagong(["txn"], { input })).out).toBe("SUCCESS\n\nleased\n1\n");
    expect((await sagong(["lease", "timetolive", id, "--keys"])).out).toMatch(
      /granted with TTL\(100s\), remaining\(\d+s\), attached keys\(\[leased\]\)\n$/,
    );
    expect((await sagong(["lease", "list"])).out).toBe(`found 1 leases\n${id}\n`);
    expect((await sagong(["lease", "revoke", id])).out).toBe(`lease ${id} revoked\n`);
    expect((await sagong(["get", "leased"])).out).toBe("");
  });

  it("lease keep-alive renews until it is stopped, or the lease is gone", async () => {
    const { out } = await sagong(["lease", "grant", "100"]);
    const id = out.split(" ")[1] ?? "";
    const running = start(["lease", "keep-alive", id]);
    await running.wrote("keepalived with TTL(100)\n");
    running.stop();
    expect(await running.outcome).toMatchObject({ code: 0, err: "" });
    await sagong(["lease", "revoke", id]);
    expect((await sagong(["lease", "keep-alive", id])).out).toBe(
      `lease ${id} expired or revoked.\n`,
    );
    expect(await sagong(["lease", "keep-alive", "--once", id])).toEqual({
      code: 2,
      out: "",
      err: "Error: etcdserver: requested lease not found\n",
    });
  });

  it("watch prints what happens, with a command for each event, until it is stopped", async () => {
    const { out } = await sagong(["put", "w", "0", "-w", "json"]);
    const revision = Number(/"revision":(\d+)/.exec(out)?.[1]);
    const script = 'echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE"';
    const flags = ["--rev", String(revision + 1), "--prev-kv"];
    const running = start(["watch", "w", ...flags, "--", "sh", "-c", script]);
    await sagong(["put", "w", "1"]);
    await sagong(["del", "w"]);
    await running.wrote('"DELETE" "w"=""\n');
    running.stop();
    expect(await running.outcome).toEqual({
      code: 0,
      out: 'PUT\nw\n0\nw\n1\n"PUT" "w"="1"\nDELETE\nw\n1\nw\n\n"DELETE" "w"=""\n',
      err: "",
    });
  });

  it("watch ends with the sentence of a command that fails, and of a compaction", async () => {
    expect(await sagong(["watch", "a", "--rev", "2", "--", "false"])).toMatchObject({
      code: 1,
      err: 'command ["false"] error (exit status 1)\n',
    });
    const { out } = await sagong(["get", "a", "-w", "json"]);
    await sagong(["compaction", /"revision":(\d+)/.exec(out)?.[1] ?? ""]);
    expect(await sagong(["watch", "a", "--rev", "2"])).toEqual({
      code: 5,
      out: "",
      err:
        "watch was canceled (etcdserver: mvcc: required revision has been compacted)\n" +
        "Error: watch is canceled by the server\n",
    });
  });

  it("watch -i takes watches and asks for progress, line by line", async () => {
    let send: (line: string | undefined) => void = () => {};
    const lines: Promise<string | undefined>[] = [];
    const next = (): void => {
      lines.push(new Promise((resolve) => (send = resolve)));
    };
    next();
    async function* typed(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const line = await lines.at(-1);
        if (line === undefined) return;
        next();
        yield encodeUtf8(line);
      }
    }
    let out = "";
    let err = "";
    const outcome = kvCommand(["watch", "-i"], {
      out: (text) => (out += text),
      err: (text) => (err += text),
      env: { ETCDCTL_ENDPOINTS: endpoint },
      stdin: typed(),
      isTerminal: false,
      columns: undefined,
      signal: new AbortController().signal,
    });
    send('what\nwatch "a b" --rev 1\nwatch foo --prefix\nprogress\n');
    await expect.poll(() => out.match(/progress notify: \d+\n/g)?.length ?? 0).toBeGreaterThan(0);
    await sagong(["put", "foo3", "x"]);
    await expect.poll(() => out).toContain("PUT\nfoo3\nx\n");
    send(undefined);
    expect(await outcome).toBe(3);
    expect(err).toContain("Invalid command what (only support watch)\n");
    expect(err).toMatch(/Error: Error reading watch request line: EOF\n$/);
  });

  it("endpoints are asked each by itself, and what fails is named", async () => {
    const gone = `127.0.0.1:${await freePort()}`;
    const env = { ETCDCTL_ENDPOINTS: `${gone},${endpoint}` };
    const flags = ["--command-timeout", "200ms"];
    const status = await sagong(["status", ...flags], { env });
    expect(status).toMatchObject({ code: 1, out: expect.stringContaining(`${endpoint}, `) });
    expect(status.err).toMatch(`Failed to get the status of endpoint ${gone} (`);
    const health = await sagong(["endpoint", "health", ...flags], { env });
    expect(health.code).toBe(1);
    expect(health.out).toMatch(`${endpoint} is healthy: successfully committed proposal: took = `);
    expect(health.err).toMatch(/^\S+ is unhealthy: .+\nError: unhealthy cluster\n$/);
    const all = await sagong(["endpoint", "hashkv", "--cluster", ...flags], { env });
    expect(all.out).toMatch(new RegExp(`^http://${endpoint}, \\d+\n$`));
  });
});

describe("sagong kv command line", () => {
  it.each([
    [["bogus"], 1, 'unknown command "bogus" for "sagong kv"'],
    [["lease", "bogus"], 1, 'unknown command "bogus" for "sagong kv lease"'],
    [["get", "a", "b", "c"], 128, "get command needs one argument as key"],
    [["--user", "root", "get", "a"], 4, "--user and --password are not supported yet"],
    [["--endpoints", "unix://x", "get", "a"], 128, '--endpoints has "unix://x", expected host'],
    [["--cert", "x", "get", "a"], 128, '--cert is "x" and --key is "", expected both or neither'],
    [["--cacert", "/none", "get", "a"], 1, "cannot read --cacert: ENOENT"],
  ])("%j is refused in one sentence", async (args, code, sentence) => {
    const outcome = await sagong(args);
    expect(outcome).toMatchObject({ code, out: "" });
    expect(outcome.err).toMatch(/^Error: [^\n]+\n$/);
    expect(outcome.err).toContain(sentence);
  });

  it.each([
    [[]],
    [["get"]],
    [["put"]],
    [["del"]],
    [["txn"]],
    [["watch"]],
    [["compaction"]],
    [["lease"]],
    [["lease", "grant"]],
    [["lease", "keep-alive"]],
    [["status"]],
    [["endpoint", "health"]],
    [["member", "list"]],
  ])("%j --help shows flags and examples", async (command) => {
    const { code, out } = await sagong([...command, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(["Usage: sagong kv", ...command].join(" "));
    expect(out).toMatch(/^Examples?:\n {2}sagong kv /m);
  });
});

const isInstalled = spawnSync("etcdctl", ["version"]).status === 0;
const inCi = process.env["CI"] === "true";

describe.skipIf(!isInstalled && !inCi)("beside etcdctl (skipped: needs etcdctl)", () => {
  function etcdctl(args: readonly string[], { input = "" }: RunOptions): Promise<Outcome> {
    return new Promise((resolve) => {
      const env = { ...process.env, ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: endpoint };
      const options = { env, encoding: "latin1" } as const;
      const child = execFile("etcdctl", args, options, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
      child.stdin?.end(input);
    });
  }

  /** Without what differs from one write to the next, and without etcdctl's log. */
  function comparable({ code, out, err }: Outcome): Outcome {
    return {
      code,
      out: out
        .replaceAll(/((?:"|_)revision":|Revision" : |"version":|Version" : )\d+/g, "$1N")
        .replaceAll(/"took":"[^"]*"|"Took" : \S+/g, "TOOK"),
      err: err.replaceAll(/^\{"level":.*\n/gm, ""),
    };
  }

  interface Case {
    readonly args: readonly string[];
    readonly input?: string;
  }

  const COMPARED = 'value("foo") = "bar"\nver("a") > "0"\n';
  const CASES: readonly Case[] = [
    { args: ["put", "foo", "x", "--prev-kv"] },
    { args: ["put", "foo", "x", "--prev-kv", "-w", "json"] },
    { args: ["get", "foo", "--prefix", "-w", "json"] },
    { args: ["get", "foo", "--prefix", "-w", "fields"] },
    { args: ["get", "", "--from-key", "--hex", "--order", "descend", "--sort-by", "modify"] },
    { args: ["get", "foo", "--prefix", "--keys-only", "--limit", "1"] },
    { args: ["get", "foo", "--rev", "999999"] },
    { args: ["get", "foo", "--order=no"] },
    { args: ["del", "foo", "--prefix", "--prev-kv"] },
    { args: ["txn"], input: `${COMPARED}\nput foo "b\\tc"\nget foo --prefix\ndel a\n\nget a\n\n` },
    { args: ["txn", "-i"], input: `${COMPARED}mod("a") = "0"\n\n\nget a\nget none\n\n` },
    { args: ["txn"], input: 'value("foo" = "bar"\n' },
    { args: ["lease", "revoke", "1234"] },
    { args: ["lease", "timetolive", "1234", "-w", "json"] },
    { args: ["endpoint", "status", "-w", "table"] },
    { args: ["endpoint", "hashkv", "-w", "fields"] },
    { args: ["endpoint", "health", "-w", "json"] },
    { args: ["member", "list", "-w", "json"] },
    { args: ["compact", "999999"] },
  ];

  const WRITERS: ReadonlySet<string | undefined> = new Set(["put", "del", "txn"]);

  beforeEach(putKeys);

  const named = CASES.map((row) => ({ ...row, line: row.args.join(" ") }));

  it.each(named)("$line prints the same", async ({ args, input = "" }) => {
    const theirs = await etcdctl(args, { input });
    if (WRITERS.has(args[0])) await putKeys();
    const ours = await sagong(args, { input });
    expect(comparable(ours)).toEqual(comparable(theirs));
  });
});
