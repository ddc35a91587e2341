import { eventually, PROCESS_TEST_TIMEOUT_MS } from "../testing/agent-cluster.js";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { seededRandom, silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { identifyProcess } from "@sagong/base/real";
import { openProcessRuntime } from "./process-runtime.js";
import type { ContainerConfig, ContainerRuntime, ContainerState } from "./runtime.js";

vi.setConfig({ testTimeout: PROCESS_TEST_TIMEOUT_MS, hookTimeout: PROCESS_TEST_TIMEOUT_MS });

let rootDir: string;
let runtime: ContainerRuntime;

const open = (): Promise<ContainerRuntime> =>
  openProcessRuntime(
    { rootDir, podCidr: "127.99.0.0/16" },
    { clock: realClock(), random: seededRandom(Date.now()), logger: silentLogger },
  );

const config = (command: string[], more: Partial<ContainerConfig> = {}): ContainerConfig => ({
  name: "c",
  attempt: 0,
  image: "none",
  command,
  args: [],
  workingDir: undefined,
  env: [{ name: "PATH", value: process.env["PATH"] ?? "" }],
  mounts: [],
  user: undefined,
  logPath: "c/0.log",
  annotations: {},
  ...more,
});

const sandbox = (): Promise<string> =>
  runtime.runPodSandbox({
    namespace: "default",
    name: "p",
    uid: "u",
    logDirectory: `${rootDir}/logs`,
  });

async function run(sandboxId: string, container: ContainerConfig): Promise<string> {
  const id = await runtime.createContainer(sandboxId, container);
  await runtime.startContainer(id);
  return id;
}

async function state(id: string): Promise<ContainerState> {
  const found = (await runtime.listContainers()).find((container) => container.id === id);
  if (!found) throw new Error(`no container ${id}`);
  return found;
}

const exited = (id: string): Promise<ContainerState> =>
  eventually(async () => {
    const now = await state(id);
    expect(now.phase).toBe("exited");
    return now;
  });

beforeEach(async () => {
  rootDir = mkdtempSync(`${tmpdir()}/sagong-runtime-`);
  runtime = await open();
});

afterEach(async () => {
  for (const { id } of await runtime.listPodSandboxes()) await runtime.removePodSandbox(id);
  await runtime.close();
  rmSync(rootDir, { recursive: true, force: true });
});

describe("ProcessRuntime", () => {
  it("records exit code and both output streams as CRI log lines", async () => {
    const id = await run(await sandbox(), config(["sh", "-c", "echo out; echo err >&2; exit 3"]));
    const end = await exited(id);
    expect(end).toMatchObject({ exitCode: 3, reason: "Error" });
    const lines = readFileSync(end.logPath, "utf8").trimEnd().split("\n").toSorted();
    const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout F out|stderr F err)$/;
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(form);
  });

  it("stopContainer() sends SIGTERM and takes the code that the process then gives", async () => {
    const id = await run(
      await sandbox(),
      config(["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done"]),
    );
    const { logPath } = await state(id);
    await eventually(() => expect(readFileSync(logPath, "utf8")).toContain("ready"));
    await runtime.stopContainer(id, 5000);
    expect(await state(id)).toMatchObject({ phase: "exited", exitCode: 7 });
  });

  it("stopContainer() kills the whole group after the grace period", async () => {
    const id = await run(
      await sandbox(),
      config(["sh", "-c", "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.02; done"]),
    );
    const { logPath } = await state(id);
    const pid = await eventually(() => {
      const match = /F (\d+)/.exec(readFileSync(logPath, "utf8"));
      expect(match).not.toBeNull();
      return Number(match?.[1]);
    });
    await runtime.stopContainer(id, 50);
    expect(await state(id)).toMatchObject({ phase: "exited", exitCode: 137 });
    await eventually(() => expect(identifyProcess(pid)).toBeUndefined());
  });

  it("a new runtime takes up running containers, learns their exit code and goes on logging", async () => {
    const sandboxId = await sandbox();
    const id = await run(
      sandboxId,
      config(["sh", "-c", "echo one; while [ ! -e go ]; do sleep 0.02; done; echo two; exit 5"]),
    );
    const before = await state(id);
    await eventually(() => expect(readFileSync(before.logPath, "utf8")).toContain("one"));
    await runtime.close();
    runtime = await open();
    expect(await state(id)).toMatchObject({ phase: "running", startedAtMs: before.startedAtMs });
    await runtime.execSync(id, ["touch", "go"], 1000);
    expect(await exited(id)).toMatchObject({ exitCode: 5 });
    expect(readFileSync(before.logPath, "utf8").match(/F (one|two)$/gm)).toEqual([
      "F one",
      "F two",
    ]);
  });

  it("startContainer() names a program that is not there", async () => {
    const id = await runtime.createContainer(await sandbox(), config(["no-such-program"]));
    await expect(runtime.startContainer(id)).rejects.toThrow(
      'exec: "no-such-program": executable file not found in $PATH',
    );
  });

  it("createContainer() says what to do when there is no command", async () => {
    await expect(runtime.createContainer(await sandbox(), config([]))).rejects.toMatchObject({
      reason: "CommandRequired",
    });
  });

  it("mounts appear under the container's root, which is its working folder", async () => {
    const id = await run(
      await sandbox(),
      config(["sh", "-c", "cat ./etc/config/x"], {
        mounts: [{ containerPath: "/etc/config/x", hostPath: "/etc/hostname", readOnly: true }],
      }),
    );
    expect(await exited(id)).toMatchObject({ exitCode: 0 });
  });

  it("execSync() cuts a command off at its time limit", async () => {
    const id = await run(await sandbox(), config(["sleep", "1000"]));
    expect(await runtime.execSync(id, ["sleep", "1000"], 50)).toMatchObject({ timedOut: true });
    expect(await runtime.execSync(id, ["sh", "-c", "echo hi; exit 2"], 1000)).toMatchObject({
      exitCode: 2,
      stdout: "hi\n",
    });
  });

  it("tells the container where its root is, in its environment", async () => {
    const id = await run(await sandbox(), config(["sh", "-c", 'test "$(pwd)" = "$SAGONG_ROOT"']));
    expect(await exited(id)).toMatchObject({ exitCode: 0 });
  });

  it.skipIf(process.getuid?.() !== 0)(
    "runs the container and its commands as its user",
    async () => {
      const user = { uid: 4711, gid: 4712, nonRoot: true };
      const script = "id -u; id -g; echo mine > own; cat etc/c; while :; do sleep 0.02; done";
      const mounts = [{ containerPath: "/etc/c", hostPath: "/etc/hostname", readOnly: true }];
      const id = await run(await sandbox(), config(["sh", "-c", script], { user, mounts }));
      const { logPath } = await state(id);
      const lines = await eventually(() => {
        const found = readFileSync(logPath, "utf8").match(/(?<=F ).*/g) ?? [];
        expect(found.length).toBeGreaterThanOrEqual(3);
        return found;
      });
      expect(lines.slice(0, 3)).toEqual([
        "4711",
        "4712",
        readFileSync("/etc/hostname", "utf8").trim(),
      ]);
      expect((await runtime.execSync(id, ["id", "-u"], 5000)).stdout).toBe("4711\n");
      await runtime.stopContainer(id, 5000);
      expect(await state(id)).toMatchObject({ phase: "exited", exitCode: 143 });
    },
  );

  it("startContainer() refuses a user that it may not change to, or that must not be", async () => {
    const isRoot = process.getuid?.() === 0;
    const user = isRoot
      ? { uid: undefined, gid: undefined, nonRoot: true }
      : { uid: 4711, gid: undefined, nonRoot: false };
    const id = await runtime.createContainer(await sandbox(), config(["true"], { user }));
    await expect(runtime.startContainer(id)).rejects.toMatchObject({
      reason: "CreateContainerConfigError",
    });
    expect(await state(id)).toMatchObject({ phase: "created" });
  });

  it("leaves no process behind where somebody kills the one that watches it", async () => {
    const id = await run(
      await sandbox(),
      config(["sh", "-c", "echo $$ $PPID; while :; do sleep 0.02; done"]),
    );
    const { logPath } = await state(id);
    const { pid, wrapper } = await eventually(() => {
      const match = /F (\d+) (\d+)/.exec(readFileSync(logPath, "utf8"));
      expect(match).not.toBeNull();
      return { pid: Number(match?.[1]), wrapper: Number(match?.[2]) };
    });
    process.kill(wrapper, "SIGKILL");
    expect(await exited(id)).toMatchObject({ exitCode: 137 });
    await eventually(() => expect(identifyProcess(pid)).toBeUndefined());
  });

  it("stopContainer() waits for a start that is under way, and then stops it", async () => {
    const id = await runtime.createContainer(await sandbox(), config(["sleep", "1000"]));
    const starting = runtime.startContainer(id);
    const stopping = runtime.stopContainer(id, 0);
    await Promise.all([starting, stopping]);
    expect(await state(id)).toMatchObject({ phase: "exited", exitCode: 137 });
  });

  it("close() does not wait for a stop, or for a command", async () => {
    const id = await run(
      await sandbox(),
      config(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done"]),
    );
    const { logPath } = await state(id);
    await eventually(() => expect(readFileSync(logPath, "utf8")).toContain("ready"));
    const stopping = runtime.stopContainer(id, 60_000);
    const command = runtime.execSync(id, ["sleep", "1000"], 60_000);
    const outcomes = Promise.allSettled([stopping, command]);
    await runtime.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { reason: "Closed" } });
    }
    runtime = await open();
    expect(await state(id)).toMatchObject({ phase: "running" });
  });
});
