/**
 * The real clients that tests drive us with. On a machine without one the tests that need it are
 * skipped and say so; in CI they fail.
 */
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TOOLS = fileURLToPath(new URL("../../.tools/", import.meta.url));
const TIMEOUT_MS = 60_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export type Tool = "etcd" | "etcdctl" | "kubectl" | "helm";

/** Path of the program; undefined where it is not there. Throws in CI, where it must be. */
export function findTool(tool: Tool): string | undefined {
  const own = `${TOOLS}${tool}`;
  if (existsSync(own)) return own;
  const found = spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" });
  if (found.status === 0) return found.stdout.trim();
  if (process.env["CI"] === "true") {
    throw new Error(`${tool} is not installed: run node scripts/install-tools.mjs`);
  }
  console.log(`skipped: needs ${tool}`);
  return undefined;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Runs to the end, whatever the exit code. */
export function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        env: { ...process.env, ...options.env },
        timeout: options.timeoutMs ?? TIMEOUT_MS,
        maxBuffer: OUTPUT_BYTES_MAX,
      },
      (error, stdout, stderr) => {
        const code = child.exitCode ?? (error === null ? 0 : 1);
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(options.input ?? "");
  });
}
