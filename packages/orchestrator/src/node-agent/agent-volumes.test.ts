import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Container, Pod } from "../api/gen/core-v1.js";
import { CONFIG_MAPS, SECRETS } from "../api/resources.js";
import {
  eventually,
  PROCESS_TEST_TIMEOUT_MS,
  type AgentCluster,
  openAgentCluster,
  statusOf,
} from "./testing/agent-cluster.js";

vi.setConfig({ testTimeout: PROCESS_TEST_TIMEOUT_MS, hookTimeout: PROCESS_TEST_TIMEOUT_MS });

let cluster: AgentCluster;
beforeAll(async () => {
  cluster = await openAgentCluster({ podCidr: "127.103.0.0/16" });
  const key = { namespace: "default", name: "settings" };
  const data = { "app.conf": "color=blue", other: "x" };
  await cluster.client.create(CONFIG_MAPS, { metadata: key, data });
  const secret = { token: Buffer.from("s3cret").toString("base64") };
  await cluster.client.create(SECRETS, { metadata: key, data: secret });
});
afterAll(() => cluster.close());

const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "none",
  command: ["sh", "-c", script],
  ...more,
});

/** Runs to its end; returns its log. */
async function output(name: string, container: Container, spec: object = {}): Promise<string> {
  await cluster.run(name, [container], { restartPolicy: "Never", ...spec });
  await cluster.until(name, (pod) => expect(pod.status?.phase).toMatch(/Succeeded|Failed/));
  return (await cluster.log(name, container.name)).trimEnd();
}

const waitingOf = (pod: Pod) => statusOf(pod, "main").state?.waiting;

describe("volumes of a pod on the process runtime", () => {
  it("appear under the working folder, and under $SAGONG_ROOT wherever the container works", async () => {
    const volumes = [
      { name: "conf", configMap: { name: "settings" } },
      { name: "token", secret: { secretName: "settings", defaultMode: 0o400 } },
      { name: "data", emptyDir: {} },
    ];
    const volumeMounts = [
      { name: "conf", mountPath: "/etc/app" },
      { name: "token", mountPath: "/var/run/token" },
      { name: "data", mountPath: "/data" },
      { name: "conf", mountPath: "/single.conf", subPath: "app.conf" },
    ];
    const script =
      "cat etc/app/app.conf; echo; cat $SAGONG_ROOT/var/run/token/token; echo; " +
      "stat -L -c %a var/run/token/token; echo 1 > data/x && cat data/x; cat single.conf; echo; ls etc/app; pwd";
    const text = await output("mounted", sh("main", script, { volumeMounts }), { volumes });
    expect(text.split("\n").slice(0, -1)).toEqual([
      "color=blue",
      "s3cret",
      "400",
      "1",
      "color=blue",
      "app.conf",
      "other",
    ]);
    const elsewhere = "cat $SAGONG_ROOT/etc/app/app.conf; echo; pwd";
    const from = sh("main", elsewhere, { volumeMounts, workingDir: "/usr" });
    expect(await output("elsewhere", from, { volumes })).toBe("color=blue\n/usr");
  });

  it("a mounted folder may be where a container works", async () => {
    const volumes = [
      { name: "conf", configMap: { name: "settings", items: [{ key: "other", path: "a/b" }] } },
    ];
    const volumeMounts = [{ name: "conf", mountPath: "/work" }];
    const main = sh("main", "cat a/b", { volumeMounts, workingDir: "/work" });
    expect(await output("worker", main, { volumes })).toBe("x");
  });

  it("emptyDir is there for anybody, empty at first, and gone with the pod", async () => {
    const volumes = [{ name: "data", emptyDir: {} }];
    const volumeMounts = [{ name: "data", mountPath: "/data", subPath: "deep/er" }];
    const script = "ls -A data; stat -L -c %a data/../..; readlink data";
    const text = await output("empty", sh("main", script, { volumeMounts }), { volumes });
    const [mode, target = ""] = text.split("\n");
    expect([mode, target.endsWith("/data/deep/er")]).toEqual(["777", true]);
    await cluster.remove("empty", 0);
    await cluster.gone("empty");
    await eventually(() => expect(existsSync(target)).toBe(false));
  });

  it("projects several sources and the pod's own fields into one folder", async () => {
    const sources = [
      { configMap: { name: "settings", items: [{ key: "app.conf", path: "conf" }] } },
      { secret: { name: "settings" } },
      { downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
    ];
    const volumes = [{ name: "all", projected: { sources } }];
    const volumeMounts = [{ name: "all", mountPath: "/all" }];
    const script = "ls all; cat all/name";
    const main = sh("main", script, { volumeMounts });
    expect(await output("projected", main, { volumes })).toBe("conf\nname\ntoken\nprojected");
  });

  it("waits for a config map that is not there yet, and says so", async () => {
    const volumes = [{ name: "conf", configMap: { name: "late" } }];
    const volumeMounts = [{ name: "conf", mountPath: "/conf" }];
    await cluster.run("early", [sh("main", "cat conf/k", { volumeMounts })], {
      volumes,
      restartPolicy: "Never",
    });
    await cluster.until("early", (pod) => {
      expect(waitingOf(pod)).toEqual({
        reason: "ContainerCreating",
        message: 'configmap "late" not found',
      });
    });
    const metadata = { namespace: "default", name: "late" };
    await cluster.client.create(CONFIG_MAPS, { metadata, data: { k: "here" } });
    await cluster.until("early", (pod) => expect(pod.status?.phase).toBe("Succeeded"));
    expect(await cluster.log("early", "main")).toBe("here");
    expect(await cluster.events("early")).toContain(
      'FailedMount: MountVolume.SetUp failed: configmap "late" not found',
    );
  });

  it("refuses kinds of volumes that it does not have, by name", async () => {
    const volumes = [{ name: "remote", nfs: { server: "s", path: "/" } }];
    await cluster.run("remote", [sh("main", "true")], { volumes });
    await cluster.until("remote", (pod) => {
      expect(waitingOf(pod)?.message).toContain('volume "remote" has type nfs');
    });
  });

  it("never touches what lies on the host where one mount is inside another", async () => {
    const host = mkdtempSync(join(cluster.dataDir, "host-"));
    mkdirSync(join(host, "conf"));
    writeFileSync(join(host, "conf", "precious"), "kept");
    const volumes = [
      { name: "host", hostPath: { path: host } },
      { name: "conf", configMap: { name: "settings" } },
    ];
    const mounts = (inner: string) => [
      { name: "conf", mountPath: inner },
      { name: "host", mountPath: "/data" },
    ];
    const main = sh("main", "true", { volumeMounts: mounts("/data/conf") });
    await cluster.run("nested", [main], { volumes });
    await cluster.until("nested", (pod) => {
      expect(waitingOf(pod)).toMatchObject({ reason: "CreateContainerError" });
      expect(waitingOf(pod)?.message).toContain('Cannot mount at "/data/conf"');
    });
    expect(readFileSync(join(host, "conf", "precious"), "utf8")).toBe("kept");
    const free = sh("main", "cat data/free/app.conf", { volumeMounts: mounts("/data/free") });
    expect(await output("nested-free", free, { volumes })).toBe("color=blue");
  });
});
