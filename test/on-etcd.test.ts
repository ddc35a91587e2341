/**
 * The seam below the API server: the original etcd instead of our store, and every daemon of ours
 * started by hand on it, one by one, as its own `--help` says.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findTool, type Outcome, run } from "./support/tools.js";
import { until } from "./support/until.js";

const SAGONG = fileURLToPath(new URL("../packages/cli/bin/sagong.mjs", import.meta.url));
const WEB = fileURLToPath(new URL("support/web.yaml", import.meta.url));
const hasTools = findTool("kubectl") !== undefined && findTool("etcd") !== undefined;
const ETCD = "http://127.0.0.1:32379";
const ETCD_PEER = "http://127.0.0.1:32380";
const API_PORT = "32443";

describe.skipIf(!hasTools)("daemons of ours on the original etcd", () => {
  const dir = mkdtempSync(`${tmpdir()}/sagong-on-etcd-`);
  const kubeconfig = `${dir}/kubeconfig`;
  const started: { readonly child: ChildProcess; readonly output: () => string }[] = [];

  function start(program: string, args: readonly string[]): void {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
    }
    started.push({ child, output: () => text });
  }

  const daemon = (name: string, ...args: readonly string[]): void =>
    start(process.execPath, [SAGONG, name, ...args]);

  const kubectl = (...args: readonly string[]): Promise<Outcome> =>
    run(findTool("kubectl") ?? "", args, { env: { KUBECONFIG: kubeconfig } });

  beforeAll(async () => {
    start(findTool("etcd") ?? "", [
      `--data-dir=${dir}/etcd`,
      `--listen-client-urls=${ETCD}`,
      `--advertise-client-urls=${ETCD}`,
      `--listen-peer-urls=${ETCD_PEER}`,
      `--initial-advertise-peer-urls=${ETCD_PEER}`,
      `--initial-cluster=default=${ETCD_PEER}`,
    ]);
    daemon(
      "apiserver",
      `--etcd-servers=${ETCD}`,
      `--secure-port=${API_PORT}`,
      "--object-port=32444",
      `--cert-dir=${dir}/pki`,
      `--kubeconfig=${kubeconfig}`,
    );
    await until("the API server answers", 30_000, async () => {
      const { code, stderr } = await kubectl("get", "namespace", "default");
      if (code !== 0) throw new Error(stderr);
    });
    // The admin's file: it names no object service, so all of these speak Kubernetes REST.
    daemon("controller-manager", `--kubeconfig=${kubeconfig}`);
    daemon("scheduler", `--kubeconfig=${kubeconfig}`);
    daemon(
      "node",
      "--node-name=by-hand",
      `--kubeconfig=${kubeconfig}`,
      `--data-dir=${dir}/node`,
      "--port=32250",
      "--pod-cidr=127.200.0.0/16",
      "--shutdown-grace-period=5s",
    );
  });

  afterAll(async () => {
    for (const { child } of started.toReversed()) {
      const exited = once(child, "exit");
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await exited;
      }
    }
    rmSync(dir, { recursive: true, force: true });
  });

  it("run a Deployment to the end", async () => {
    const applied = await kubectl("apply", "-f", WEB);
    expect(applied.stderr).toBe("");
    await until("the rollout ends", 60_000, async () => {
      const { code } = await kubectl("rollout", "status", "deploy/web");
      expect(code).toBe(0);
    });
    const ip = await kubectl("get", "pods", "-o", "jsonpath={.items[0].status.podIP}");
    expect(ip.stdout).toMatch(/^127\.200\./);
    expect(await (await fetch(`http://${ip.stdout}:8080/`)).text()).toMatch(/^hello from web-/);
    const node = await kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}");
    expect(node.stdout).toBe("by-hand by-hand by-hand");
  });

  it("follow when etcd is asked by another client too", async () => {
    expect((await kubectl("scale", "deploy/web", "--replicas=1")).code).toBe(0);
    await until("two are gone", 30_000, async () => {
      const pods = await kubectl("get", "pods", "--no-headers");
      expect(pods.stdout.trim().split("\n")).toHaveLength(1);
    });
    expect((await kubectl("delete", "-f", WEB)).code).toBe(0);
    await until("all are gone", 30_000, async () => {
      expect((await kubectl("get", "pods", "--no-headers")).stdout).toBe("");
    });
  });

  it("none has ended by itself", () => {
    const ended = started.filter(({ child }) => child.exitCode !== null);
    expect(ended.map(({ output }) => output())).toEqual([]);
  });
});
