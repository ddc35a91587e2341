import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Container, Pod } from "../api/gen/core-v1.js";
import { identifyProcess } from "@sagong/base/real";
import {
  eventually,
  PROCESS_TEST_TIMEOUT_MS,
  conditionOf,
  linesOf,
  openAgentCluster,
  processesIn,
  statusOf,
} from "./testing/agent-cluster.js";
import type { AgentCluster } from "./testing/agent-cluster.js";

vi.setConfig({ testTimeout: PROCESS_TEST_TIMEOUT_MS, hookTimeout: PROCESS_TEST_TIMEOUT_MS });

let cluster: AgentCluster;
beforeAll(async () => {
  cluster = await openAgentCluster({ podCidr: "127.102.0.0/16" });
});
afterAll(() => cluster.close());

const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "none",
  command: ["sh", "-c", script],
  ...more,
});
const FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.02; done";

const running = (pod: Pod): void => expect(conditionOf(pod, "Ready")).toBe("True");

describe("the node agent's shutdown", () => {
  it("ends what runs, and what is being started just then", async () => {
    const own = await openAgentCluster({ podCidr: "127.103.0.0/16", shutdownGraceMs: 1_000 });
    const names = Array.from({ length: 8 }, (_, i) => `pod-${i}`);
    await Promise.all(names.map((name) => own.run(name, [sh("main", FOREVER)])));
    await eventually(() => expect(processesIn(own.dataDir)).not.toEqual([]));
    let ended = -1;
    await own.restart(async () => {
      ended = processesIn(own.dataDir).length;
    });
    await own.close();
    expect(ended).toBe(0);
  });
});

describe("the node agent's deletions", () => {
  it("runs preStop, then sends SIGTERM, and lets the object go when all has ended", async () => {
    const note = `${cluster.dataDir}/noted`;
    await cluster.run("polite", [
      sh("main", `trap 'echo term >> ${note}; exit 0' TERM; while :; do sleep 0.02; done`, {
        lifecycle: { preStop: { exec: { command: ["sh", "-c", `echo stop >> ${note}`] } } },
      }),
    ]);
    const pod = await cluster.until("polite", running);
    await cluster.remove("polite");
    await cluster.gone("polite");
    expect(readFileSync(note, "utf8")).toBe("stop\nterm\n");
    expect(await cluster.events("polite")).toContain("Killing: Stopping container main");
    expect(() => readFileSync(cluster.logFile(pod, "main"))).toThrow("ENOENT");
  });

  it("sends SIGKILL to what does not end within the grace period, with all of its group", async () => {
    const script = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.02; done";
    await cluster.run("stubborn", [sh("main", script)]);
    const pod = await cluster.until("stubborn", running);
    const path = cluster.logFile(pod, "main");
    const child = await eventually(() => Number(linesOf(path)[0]?.split(" ").at(-1)));
    const startMs = performance.now();
    await cluster.remove("stubborn", 1);
    await cluster.gone("stubborn");
    expect(performance.now() - startMs).toBeGreaterThan(900);
    await eventually(() => expect(identifyProcess(child)).toBeUndefined());
  });

  it("ends a pod at once where its object is gone without waiting", async () => {
    await cluster.run("forced", [sh("main", FOREVER)], { terminationGracePeriodSeconds: 0 });
    await cluster.until("forced", running);
    const before = processesIn(cluster.dataDir).length;
    await cluster.remove("forced", 0);
    await eventually(() => expect(processesIn(cluster.dataDir)).toHaveLength(before - 1));
  });

  it("lets a pod go that never ran", async () => {
    await cluster.run("unborn", [{ name: "main" }]);
    await cluster.until("unborn", (pod) => expect(pod.status?.podIP).toBeDefined());
    await cluster.remove("unborn");
    await cluster.gone("unborn");
  });
});

describe("the node agent's restarts", () => {
  it("leave processes as they are: none lost, none doubled, none started again", async () => {
    await cluster.run("steady", [sh("one", `echo $$$$; ${FOREVER}`), sh("two", FOREVER)]);
    const before = await cluster.until("steady", running);
    const processes = processesIn(cluster.dataDir);
    await cluster.restart();
    // Something new, so that the agent has certainly taken everything up.
    await cluster.run("after", [sh("main", "exit 0")], { restartPolicy: "Never" });
    await cluster.until("after", (pod) => expect(pod.status?.phase).toBe("Succeeded"));
    const after = await cluster.until("steady", running);
    expect(processesIn(cluster.dataDir)).toEqual(processes);
    for (const name of ["one", "two"]) {
      expect(statusOf(after, name)).toEqual(statusOf(before, name));
    }
    expect(after.status?.podIP).toBe(before.status?.podIP);
    expect(linesOf(cluster.logFile(after, "one"))).toHaveLength(1);
  });

  it("learn how containers ended meanwhile, and go on by the restart policy", async () => {
    const waiting = (code: number): string =>
      `echo run; while [ ! -e ${cluster.dataDir}/go ]; do sleep 0.02; done; exit ${code}`;
    await cluster.run("ended", [sh("main", waiting(4))], { restartPolicy: "Never" });
    await cluster.run("again", [sh("main", waiting(5))]);
    for (const name of ["ended", "again"]) await cluster.until(name, running);
    const before = processesIn(cluster.dataDir).length;
    await cluster.restart(async () => {
      writeFileSync(`${cluster.dataDir}/go`, "");
      await eventually(() => expect(processesIn(cluster.dataDir)).toHaveLength(before - 2));
      rmSync(`${cluster.dataDir}/go`);
    });
    const ended = await cluster.until("ended", (pod) => expect(pod.status?.phase).toBe("Failed"));
    expect(statusOf(ended, "main").state?.terminated?.exitCode).toBe(4);
    const again = await cluster.until("again", (pod) => {
      expect(statusOf(pod, "main")).toMatchObject({ restartCount: 1, ready: true });
    });
    expect(statusOf(again, "main").lastState?.terminated?.exitCode).toBe(5);
  });

  it("end pods that were deleted meanwhile, with their folders", async () => {
    await cluster.run("dropped", [sh("main", FOREVER)]);
    const pod = await cluster.until("dropped", running);
    const before = processesIn(cluster.dataDir).length;
    await cluster.restart(() => cluster.remove("dropped", 0));
    await eventually(() => expect(processesIn(cluster.dataDir)).toHaveLength(before - 1));
    await eventually(() =>
      expect(() => readFileSync(cluster.logFile(pod, "main"))).toThrow("ENOENT"),
    );
  });

  it("finish deletions that were under way, and do not wait for them to end", async () => {
    const script = "trap 'sleep 0.3; exit 0' TERM; while :; do sleep 0.02; done";
    await cluster.run("slow", [sh("main", script)]);
    await cluster.until("slow", running);
    await cluster.remove("slow");
    await eventually(async () =>
      expect(await cluster.events("slow")).toContain("Killing: Stopping container main"),
    );
    await cluster.restart();
    await cluster.gone("slow");
  });

  it("tell of the image only once in a pod's life", async () => {
    const told = (await cluster.events("steady")).filter((text) =>
      text.startsWith("ImageNotUnpacked"),
    );
    expect(told).toHaveLength(1);
  });
});
