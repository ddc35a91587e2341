/**
 * Programs of others that tests drive us with. On a machine without one the tests that need it are
 * skipped and say so; in CI they fail.
 */
import { execFile, spawnSync } from "node:child_process";

const TIMEOUT_MS = 25_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export type Tool = "curl" | "nghttp" | "h2load" | "chromium";

/** Path of the program; undefined where it is not there. Throws in CI, where it must be. */
export function findTool(tool: Tool): string | undefined {
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

/** Runs to the end, whatever the exit code. */
export function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? (error === null ? 0 : 1), stdout, stderr });
    });
    child.stdin?.end();
  });
}
