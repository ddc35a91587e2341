import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom, silentLogger } from "@sagong/base";
import { randomSeed, realClock } from "@sagong/base/real";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eventually, PROCESS_TEST_TIMEOUT_MS, processesIn } from "../testing/agent-cluster.js";
import { identifyProcess } from "@sagong/base/real";
import { openProcessRuntime } from "./process-runtime.js";
import type { ContainerRuntime, ContainerState } from "./runtime.js";
import { emitProgram } from "./testing/emitted-program.js";

vi.setConfig({ testTimeout: PROCESS_TEST_TIMEOUT_MS, hookTimeout: PROCESS_TEST_TIMEOUT_MS });

const POD_CIDR = "127.104.0.0/16";

let dir: string;
let program: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "sagong-killed-"));
  const entry = fileURLToPath(new URL("testing/doomed-agent.ts", import.meta.url));
  program = emitProgram(entry, join(dir, "program"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs an agent on `rootDir`, and kills it so long after it has come to `step`. */
function runAndKill(
  rootDir: string,
  { step, afterMs, script }: { step: string; afterMs: number; script: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = [program, rootDir, POD_CIDR, "sh", "-c", script];
    const agent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const clock = realClock();
    let said = "";
    agent.stdout.setEncoding("utf8").on("data", (text: string) => {
      const before = said;
      said += text;
      const isNew = said.includes(`${step}\n`) && !before.includes(`${step}\n`);
      if (isNew) clock.schedule(afterMs, () => agent.kill("SIGKILL"));
    });
    agent.once("error", reject);
    agent.once("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve();
      else reject(new Error(`The agent ended by itself with ${code}, having said ${said}`));
    });
  });
}

const open = (rootDir: string): Promise<ContainerRuntime> =>
  openProcessRuntime(
    { rootDir, podCidr: POD_CIDR },
    { clock: realClock(), random: seededRandom(randomSeed()), logger: silentLogger },
  );

/** The pids that the container's process noted, one for each time that it was started. */
const started = (rootDir: string): number[] =>
  existsSync(join(rootDir, "note"))
    ? readFileSync(join(rootDir, "note"), "utf8").trim().split("\n").map(Number)
    : [];

describe("the process runtime after its agent was killed", () => {
  const moments: [string, number][] = [
    ["sandbox", 0],
    ["starting", 0],
    ["starting", 2],
    ["starting", 5],
    ["starting", 9],
    ["starting", 14],
    ["started", 0],
  ];

  it.each(moments)(
    "at '%s' and %i ms: either it runs once and is known, or it never runs",
    async (step, afterMs) => {
      const rootDir = mkdtempSync(join(dir, "root-"));
      const script = `echo $$ >> ${rootDir}/note; exec sleep 1000`;
      await runAndKill(rootDir, { step, afterMs, script });
      const runtime = await open(rootDir);
      const [container] = await runtime.listContainers();
      const isRunning = container?.phase === "running";
      expect(container?.startedAtMs !== undefined).toBe(isRunning);
      const runs = isRunning ? 1 : 0;
      await eventually(() => expect(started(rootDir)).toHaveLength(runs));
      const alive = started(rootDir).filter((pid) => identifyProcess(pid));
      expect(alive).toHaveLength(runs);
      // A wrapper that came late gives up by itself.
      await eventually(() => expect(processesIn(rootDir)).toHaveLength(runs));
      for (const { id } of await runtime.listPodSandboxes()) await runtime.removePodSandbox(id);
      await eventually(() => expect(processesIn(rootDir)).toEqual([]));
      expect(started(rootDir)).toHaveLength(runs);
      await runtime.close();
    },
  );

  it("goes on with the log, and learns how the container ended while there was no agent", async () => {
    const rootDir = mkdtempSync(join(dir, "root-"));
    const script = `echo one; while [ ! -e ${rootDir}/go ]; do sleep 0.02; done; echo two; exit 6`;
    await runAndKill(rootDir, { step: "started", afterMs: 50, script });
    const runtime = await open(rootDir);
    const present = async (): Promise<ContainerState> => {
      const [only] = await runtime.listContainers();
      if (!only) throw new Error("the container is lost");
      return only;
    };
    const { id, logPath, phase } = await present();
    expect(phase).toBe("running");
    await runtime.execSync(id, ["touch", `${rootDir}/go`], 5_000);
    await eventually(async () => expect(await present()).toMatchObject({ exitCode: 6 }));
    expect(readFileSync(logPath, "utf8").match(/(one|two)$/gm)).toEqual(["one", "two"]);
    for (const one of await runtime.listPodSandboxes()) await runtime.removePodSandbox(one.id);
    await runtime.close();
  });
});
