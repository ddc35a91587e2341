/** `sagong start --single`: the same cluster in one process, from the same flags. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalCluster } from "./support/local-cluster.js";
import { findTool } from "./support/tools.js";
import { until } from "./support/until.js";

const WEB = fileURLToPath(new URL("support/web.yaml", import.meta.url));
const hasTools = findTool("kubectl") !== undefined && findTool("etcdctl") !== undefined;

describe.skipIf(!hasTools)("sagong start --single", () => {
  const cluster = new LocalCluster(21_000, ["--single", "--nodes=2"]);

  beforeAll(() => cluster.start());
  afterAll(() => cluster.stop());

  it("serves etcd on every member and Kubernetes, and spreads pods over its nodes", async () => {
    expect((await cluster.etcdctl(["put", "a", "b"])).stdout).toBe("OK\n");
    const status = await cluster.etcdctl(["endpoint", "status"]);
    expect(status.stdout.trim().split("\n")).toHaveLength(3);
    expect((await cluster.kubectl(["apply", "-f", WEB])).code).toBe(0);
    await until("the rollout ends", 60_000, async () => {
      const { code } = await cluster.kubectl(["rollout", "status", "deploy/web"]);
      expect(code).toBe(0);
    });
    const nodes = await cluster.kubectl([
      "get",
      "pods",
      "-o",
      "jsonpath={.items[*].spec.nodeName}",
    ]);
    expect(new Set(nodes.stdout.split(" "))).toEqual(new Set(["node-1", "node-2"]));
  });

  it("stops its pods and itself on Ctrl-C, and finds all data again", async () => {
    expect(await cluster.interrupt()).toBe(0);
    expect(cluster.leftovers()).toEqual([]);
    await cluster.start();
    expect((await cluster.etcdctl(["get", "a", "--print-value-only"])).stdout).toBe("b\n");
    await until("the pods run again", 60_000, async () => {
      const ready = await cluster.kubectl([
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.status.readyReplicas}",
      ]);
      expect(ready.stdout).toBe("3");
    });
  });

  it.each([
    [["--members=2"], "--members 2: expected 1, 3 or 5"],
    [["--nodes=x"], "Expected a whole number."],
    [["--port-offset=60000"], "--port-offset 60000: expected a whole number from 0 to 50000"],
    [["--unknown"], "unknown option '--unknown'"],
  ])("refuses %j with a sentence and exit code 2", async (args, sentence) => {
    const outcome = await cluster.sagong(["start", ...args]);
    expect(outcome.stderr).toContain(sentence);
    expect(outcome.code).toBe(2);
  });
});
