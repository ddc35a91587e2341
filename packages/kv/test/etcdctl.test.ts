/** The real etcdctl against a daemon of ours. Skipped where it is not installed, except in CI. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  clusterConfigs,
  type Daemon,
  eventually,
  startDaemon,
  temporaryDir,
} from "./member-cluster.js";

const isInstalled = spawnSync("etcdctl", ["version"]).status === 0;
const inCi = process.env["CI"] === "true";

describe.skipIf(!isInstalled && !inCi)("etcdctl (skipped: needs etcd-client)", () => {
  let dir: Awaited<ReturnType<typeof temporaryDir>>;
  let daemon: Daemon;
  let endpoint: string;
  const environment = { ...process.env, ETCDCTL_API: "3" };

  beforeAll(async () => {
    dir = await temporaryDir();
    const [config] = await clusterConfigs(dir.path, 1);
    if (!config) throw new Error("no config");
    daemon = startDaemon(config);
    // Without a scheme: etcdctl 3.4 sends what it is given as the :authority of Maintenance calls.
    endpoint = config.advertiseClientUrls[0]?.replace("http://", "") ?? "";
    await eventually(() => daemon.output().includes("ready to serve") || undefined, "it is ready");
  }, 20_000);

  afterAll(async () => {
    daemon.child.kill("SIGTERM");
    await daemon.exited;
    await dir.remove();
  });

  async function etcdctl(...args: string[]): Promise<string> {
    const all = ["--endpoints", endpoint, ...args];
    const { stdout } = await promisify(execFile)("etcdctl", all, { env: environment });
    return stdout;
  }

  it("put, get and del", async () => {
    expect(await etcdctl("put", "foo", "bar")).toBe("OK\n");
    expect(await etcdctl("get", "foo")).toBe("foo\nbar\n");
    expect(await etcdctl("get", "f", "--prefix", "--keys-only")).toBe("foo\n\n");
    expect(await etcdctl("del", "foo", "--prev-kv")).toBe("1\nfoo\nbar\n");
    expect(await etcdctl("get", "foo")).toBe("");
  });

  it("txn", async () => {
    await etcdctl("put", "t", "1");
    const child = spawn("etcdctl", ["--endpoints", endpoint, "txn"], { env: environment });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.end('value("t") = "1"\n\nput t 2\nget t\n\nget t\n\n');
    await new Promise((resolve) => child.once("close", resolve));
    expect(out).toBe("SUCCESS\n\nOK\n\nt\n2\n");
  });

  it("watch", async () => {
    const child = spawn("etcdctl", ["--endpoints", endpoint, "watch", "w", "--prefix"], {
      env: environment,
    });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    // Its stream is there once its first event is: it may be started before it has created it.
    for (let i = 0; !out.includes("w-last"); i++) {
      await etcdctl("put", "w-last", String(i));
    }
    await etcdctl("del", "w-last");
    await eventually(() => out.includes("DELETE\nw-last\n") || undefined, "the deletion is seen");
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("close", resolve));
    expect(out).toMatch(/^PUT\nw-last\n\d+\n/);
  });

  it("lease", async () => {
    const granted = await etcdctl("lease", "grant", "100");
    const id = /lease ([0-9a-f]{16}) granted with TTL\(100s\)/.exec(granted)?.[1] ?? "";
    await etcdctl("put", "leased", "x", "--lease", id);
    expect(await etcdctl("lease", "timetolive", id, "--keys")).toMatch(
      /granted with TTL\(100s\), remaining\((99|100)s\), attached keys\(\[leased\]\)/,
    );
    expect(await etcdctl("lease", "list")).toContain(id);
    expect(await etcdctl("lease", "keep-alive", "--once", id)).toContain(
      "keepalived with TTL(100)",
    );
    expect(await etcdctl("lease", "revoke", id)).toContain("revoked");
    expect(await etcdctl("get", "leased")).toBe("");
  });

  it("endpoint status, health and hashkv, member list, compaction, defrag, alarm list", async () => {
    expect(await etcdctl("endpoint", "status")).toMatch(/, 3\.6\.0, .*, true, false, 1, /);
    expect(await etcdctl("endpoint", "hashkv")).toMatch(/, \d+\n$/);
    expect(await etcdctl("member", "list")).toContain(`m1, `);
    expect(await etcdctl("alarm", "list")).toBe("");
    await etcdctl("put", "c", "1");
    expect(await etcdctl("compaction", "3", "--physical")).toBe("compacted revision 3\n");
    await expect(etcdctl("get", "c", "--rev", "2")).rejects.toThrow(
      "etcdserver: mvcc: required revision has been compacted",
    );
    expect(await etcdctl("defrag")).toContain("Finished defragmenting");
    const { stderr } = await promisify(execFile)(
      "etcdctl",
      ["--endpoints", endpoint, "endpoint", "health"],
      { env: environment },
    );
    expect(stderr).toContain("is healthy");
  });

  it("says what is not there", async () => {
    await expect(etcdctl("auth", "enable")).rejects.toThrow("Unimplemented");
  });
});
