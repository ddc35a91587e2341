import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Container } from "../api/gen/core-v1.js";
import { CONFIG_MAPS, NODES, SECRETS } from "../api/resources.js";
import {
  eventually,
  PROCESS_TEST_TIMEOUT_MS,
  type AgentCluster,
  conditionOf,
  linesOf,
  openAgentCluster,
  statusOf,
} from "./testing/agent-cluster.js";

vi.setConfig({ testTimeout: PROCESS_TEST_TIMEOUT_MS, hookTimeout: PROCESS_TEST_TIMEOUT_MS });

let cluster: AgentCluster;
beforeAll(async () => {
  cluster = await openAgentCluster({ podCidr: "127.101.0.0/16" });
});
afterAll(() => cluster.close());

const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "none",
  command: ["sh", "-c", script],
  ...more,
});
/** Runs until it is told to end, and ends at once then. */
const FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.02; done";

describe("the node agent", () => {
  it("registers its node as ready", async () => {
    await eventually(async () => {
      const node = await cluster.client.get(NODES, { name: "node-1" });
      expect(node.status?.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
      expect(node.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^process:\/\//);
    });
  });

  it("runs a pod: command, args, folder and environment; tells status, logs and events", async () => {
    const key = { namespace: "default", name: "settings" };
    await cluster.client.create(CONFIG_MAPS, { metadata: key, data: { color: "blue" } });
    const data = { token: Buffer.from("s3cret").toString("base64") };
    await cluster.client.create(SECRETS, { metadata: key, data });
    await cluster.run("web", [
      {
        name: "main",
        command: ["sh", "-c"],
        args: [
          `pwd; env | grep -E '^(MINE|COLOR|cm_color|TOKEN|POD|IP|HOSTNAME)=' | sort; echo '$(ARGUED)'; echo oops >&2; ${FOREVER}`,
        ],
        workingDir: "/usr",
        envFrom: [{ prefix: "cm_", configMapRef: { name: "settings" } }],
        env: [
          { name: "MINE", value: "1" },
          { name: "ARGUED", value: "$(MINE)2 $$(MINE) $(UNKNOWN)" },
          { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
          { name: "TOKEN", valueFrom: { secretKeyRef: { name: "settings", key: "token" } } },
          { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        ],
      },
    ]);
    const pod = await cluster.until("web", (now) => {
      expect(conditionOf(now, "Ready")).toBe("True");
    });
    expect(pod.status).toMatchObject({
      phase: "Running",
      hostIP: "127.0.0.1",
      qosClass: "BestEffort",
    });
    expect(pod.status?.podIP).toMatch(/^127\.101\.\d+\.\d+$/);
    expect(statusOf(pod, "main")).toMatchObject({ restartCount: 0, ready: true, started: true });
    expect(statusOf(pod, "main").containerID).toMatch(/^process:\/\/[0-9a-f]{32}$/);
    const path = cluster.logFile(pod, "main");
    await eventually(() => expect(linesOf(path)).toHaveLength(10));
    expect(linesOf(path)).toContain("stderr F oops");
    // The two streams are two pipes: only within one is there an order.
    expect(linesOf(path).filter((line) => line.startsWith("stdout"))).toEqual([
      "stdout F /usr",
      "stdout F COLOR=blue",
      "stdout F HOSTNAME=web",
      `stdout F IP=${pod.status?.podIP}`,
      "stdout F MINE=1",
      "stdout F POD=web",
      "stdout F TOKEN=s3cret",
      "stdout F cm_color=blue",
      "stdout F 12 $(MINE) $(UNKNOWN)",
    ]);
    expect(readFileSync(path, "utf8")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F /);
    await eventually(async () => {
      const reasons = (await cluster.events("web")).map((text) => text.split(":")[0] ?? "");
      expect(reasons.toSorted()).toEqual(["Created", "ImageNotUnpacked", "Started"]);
    });
  });

  it("serves the log: all, its tail, by stream, and to its end where it is followed", async () => {
    const script = "echo one; echo two >&2; sleep 0.3; echo three";
    await cluster.run("talker", [sh("main", script)], { restartPolicy: "Never" });
    await cluster.until("talker", (pod) => expect(pod.status?.phase).toBe("Running"));
    expect((await cluster.log("talker", "main", "?follow=true")).split("\n").toSorted()).toEqual(
      ["", "one", "three", "two"].toSorted(),
    );
    expect(await cluster.log("talker", "main", "?tailLines=1")).toBe("three\n");
    expect(await cluster.log("talker", "main", "?stream=Stderr")).toBe("two\n");
    expect(await cluster.log("talker", "main", "?timestamps=true&tailLines=1")).toMatch(
      /^\d{4}-\S+Z three\n$/,
    );
    expect(await cluster.log("talker", "other")).toContain('container "other"');
    expect(await cluster.log("nobody", "main")).toBe('pod "nobody" is not on this node');
  });

  it.each([
    ["succeeds", "exit 0", "Succeeded", { exitCode: 0, reason: "Completed" }],
    ["fails", "exit 3", "Failed", { exitCode: 3, reason: "Error" }],
    ["dies", "kill -9 $$$$", "Failed", { exitCode: 137, reason: "Error" }],
  ])(
    "tells how a container %s, and starts it no more under Never",
    async (name, script, phase, end) => {
      await cluster.run(name, [sh("main", script)], { restartPolicy: "Never" });
      const pod = await cluster.until(name, (now) => expect(now.status?.phase).toBe(phase));
      expect(statusOf(pod, "main")).toMatchObject({ state: { terminated: end }, restartCount: 0 });
      expect(conditionOf(pod, "Ready")).toBe("False");
    },
  );

  it("starts a failed container again at once, then backs off, and keeps the last log", async () => {
    await cluster.run("crasher", [sh("main", "echo run; exit 1")], { restartPolicy: "OnFailure" });
    const pod = await cluster.until("crasher", (now) => {
      expect(statusOf(now, "main").state?.waiting?.reason).toBe("CrashLoopBackOff");
    });
    const { state, lastState, restartCount } = statusOf(pod, "main");
    expect(restartCount).toBe(1);
    expect(state?.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=main pod=crasher_default\(/,
    );
    expect(lastState?.terminated).toMatchObject({ exitCode: 1 });
    expect(pod.status?.phase).toBe("Running");
    expect(await cluster.log("crasher", "main", "?previous=true")).toBe("run\n");
  });

  it("OnFailure leaves a container alone that has succeeded", async () => {
    await cluster.run("once", [sh("main", "exit 0")], { restartPolicy: "OnFailure" });
    const pod = await cluster.until("once", (now) => expect(now.status?.phase).toBe("Succeeded"));
    expect(statusOf(pod, "main").restartCount).toBe(0);
  });

  it("runs init containers one after the other, and the others only then", async () => {
    const mount = [{ name: "shared", mountPath: "/shared" }];
    const note = (name: string): Container =>
      sh(name, `sleep 0.05; echo ${name} >> shared/order`, { volumeMounts: mount });
    await cluster.run(
      "ordered",
      [sh("main", `cat shared/order; ${FOREVER}`, { volumeMounts: mount })],
      {
        initContainers: [note("first"), note("second")],
        volumes: [{ name: "shared", emptyDir: {} }],
      },
    );
    await cluster.until("ordered", (pod) => {
      expect(conditionOf(pod, "Initialized")).toBe("False");
      expect(statusOf(pod, "main").state?.waiting?.reason).toBe("PodInitializing");
    });
    const pod = await cluster.until("ordered", (now) => {
      expect(conditionOf(now, "Ready")).toBe("True");
    });
    expect(conditionOf(pod, "Initialized")).toBe("True");
    await eventually(async () => {
      expect(await cluster.log("ordered", "main")).toBe("first\nsecond\n");
    });
    expect(statusOf(pod, "second")).toMatchObject({
      ready: true,
      state: { terminated: { exitCode: 0 } },
    });
  });

  it("gives a pod up whose init container fails under Never", async () => {
    const initContainers = [sh("init", "exit 9")];
    await cluster.run("doomed", [sh("main", FOREVER)], { restartPolicy: "Never", initContainers });
    const pod = await cluster.until("doomed", (now) => expect(now.status?.phase).toBe("Failed"));
    expect(statusOf(pod, "init").state?.terminated?.exitCode).toBe(9);
    expect(statusOf(pod, "main").state?.waiting).toBeDefined();
  });

  it("keeps sidecars up beside the others, and ends them when these are done", async () => {
    const sidecar = sh("side", FOREVER, { restartPolicy: "Always" });
    await cluster.run("escorted", [sh("main", "exit 0")], {
      restartPolicy: "Never",
      initContainers: [sidecar],
    });
    const pod = await cluster.until("escorted", (now) => {
      expect(now.status?.phase).toBe("Succeeded");
      expect(statusOf(now, "side").state?.terminated).toBeDefined();
    });
    expect(statusOf(pod, "side").restartCount).toBe(0);
  });

  it("tells what to do about a container without a command, and about one that is not there", async () => {
    await cluster.run("bare", [{ name: "main" }, { name: "lost", command: ["/no/such/program"] }]);
    const pod = await cluster.until("bare", (now) => {
      expect(statusOf(now, "main").state?.waiting?.reason).toBe("CommandRequired");
      expect(statusOf(now, "lost").state?.waiting?.reason).toBe("RunContainerError");
    });
    expect(statusOf(pod, "main").state?.waiting?.message).toContain("set `command`");
    expect(statusOf(pod, "lost").state?.waiting?.message).toContain("no such file or directory");
    expect(pod.status?.phase).toBe("Pending");
  });

  it("waits with a container whose environment cannot be made, and says why", async () => {
    const env = [
      { name: "A", valueFrom: { configMapKeyRef: { name: "absent", key: "k", optional: true } } },
      { name: "B", valueFrom: { configMapKeyRef: { name: "absent", key: "k" } } },
    ];
    await cluster.run("unset", [sh("main", FOREVER, { env })]);
    const pod = await cluster.until("unset", (now) => {
      expect(statusOf(now, "main").state?.waiting).toEqual({
        reason: "CreateContainerConfigError",
        message: 'configmap "absent" not found',
      });
    });
    expect(pod.status?.phase).toBe("Pending");
  });

  it("ends a pod that is active for longer than it may be", async () => {
    await cluster.run("short", [sh("main", FOREVER)], { activeDeadlineSeconds: 1 });
    const pod = await cluster.until("short", (now) => {
      expect(now.status?.phase).toBe("Failed");
      expect(statusOf(now, "main").state?.terminated).toBeDefined();
    });
    expect(pod.status?.reason).toBe("DeadlineExceeded");
    expect(await cluster.log("short", "main")).toBe(""); // The object and its logs stay.
  });
});
