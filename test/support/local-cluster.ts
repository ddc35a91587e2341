/**
 * `sagong start` as a user runs it, on ports and a folder of its own, with the real clients pointed
 * at it. Whatever a test does, `stop` leaves no process and no folder behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { findTool, type Outcome, run, type RunOptions } from "./tools.js";

const SAGONG = fileURLToPath(new URL("../../packages/cli/bin/sagong.mjs", import.meta.url));
const START_LIMIT_MS = 60_000;

export class LocalCluster {
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly endpoints: readonly string[];
  readonly #args: readonly string[];
  readonly #offset: number;
  #child: ChildProcess | undefined;
  #said = "";

  constructor(portOffset: number, args: readonly string[] = []) {
    this.dataDir = mkdtempSync(`${tmpdir()}/sagong-cluster-`);
    this.kubeconfig = `${this.dataDir}/kubeconfig`;
    this.endpoints = [2379, 2479, 2579].map((port) => `127.0.0.1:${port + portOffset}`);
    this.#offset = portOffset;
    this.#args = args;
  }

  /** Everything that the program has said. */
  get said(): string {
    return this.#said;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    if (!existsSync(fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url)))) {
      throw new Error("the program is not built: run npm run build first");
    }
    this.#said = "";
    const child = spawn(
      process.execPath,
      [
        SAGONG,
        "start",
        `--data-dir=${this.dataDir}`,
        `--port-offset=${this.#offset}`,
        ...this.#args,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#child = child;
    const exited = once(child, "exit");
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not ready in time:\n${this.#said}`)),
        START_LIMIT_MS,
      );
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          this.#said += chunk.toString("utf8");
          if (!this.#said.includes("The cluster is ready")) return;
          clearTimeout(timer);
          resolve();
        });
      }
      exited
        .then(() => reject(new Error(`it ended:\n${this.#said}`)))
        .catch((error: unknown) => reject(error));
    });
  }

  /** Ctrl-C. Resolves with the exit code. */
  async interrupt(): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return null;
    const exited = once(child, "exit");
    child.kill("SIGINT");
    const [code] = await exited;
    return code;
  }

  async stop(): Promise<void> {
    await this.interrupt();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** The process of one part, by the words of its command line. */
  pidOf(part: string): number {
    const pids = processes().filter(
      ({ command }) => command.includes(this.dataDir) && command.includes(`sagong.mjs\0${part}`),
    );
    const [found] = pids;
    if (!found || pids.length !== 1) {
      throw new Error(`expected one process of ${part}, found ${pids.length}`);
    }
    return found.pid;
  }

  memberPid(index: number): number {
    return this.pidOf(`store\0--name=store-${index + 1}\0`);
  }

  /** Processes that have something of this cluster in their command line or environment. */
  leftovers(): readonly string[] {
    return processes()
      .filter(({ pid }) => pid !== process.pid)
      .filter(({ command, environment }) =>
        [command, environment].some((text) => text.includes(this.dataDir)),
      )
      .map(({ pid, command }) => `${pid} ${command.replaceAll("\0", " ")}`);
  }

  kubectl(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(findTool("kubectl") ?? "kubectl", args, {
      ...options,
      env: { KUBECONFIG: this.kubeconfig, ...options.env },
    });
  }

  etcdctl(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(findTool("etcdctl") ?? "etcdctl", args, {
      ...options,
      env: { ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: this.endpoints.join(","), ...options.env },
    });
  }

  sagong(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(process.execPath, [SAGONG, ...args], {
      ...options,
      env: { KUBECONFIG: this.kubeconfig, ...options.env },
    });
  }
}

interface Process {
  readonly pid: number;
  /** Words separated by NUL. */
  readonly command: string;
  readonly environment: string;
}

export function processes(): readonly Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
        const environment = readFileSync(`/proc/${name}/environ`, "utf8");
        return [{ pid: Number(name), command, environment }];
      } catch {
        return []; // It ended while we looked, or is another user's.
      }
    });
}
