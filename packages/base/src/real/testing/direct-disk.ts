import { closeSync, constants, mkdtempSync, openSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCode } from "../../error-code.js";

/** statfs(2); a tmpfs is nothing but cache. */
const TMPFS_MAGIC = 0x01021994;

/**
 * Whether temporary files lie on a disk that can be written past the kernel's cache. Where not, the
 * tests that need one are skipped and say so; throws in CI, where there must be one.
 */
export function hasDirectDisk(): boolean {
  if (isOnDisk(tmpdir()) && takesDirectWrites(tmpdir())) return true;
  const needed = `a disk's file system on Linux that takes O_DIRECT, for ${tmpdir()}`;
  if (process.env["CI"] === "true") throw new Error(`Cannot run all tests: needs ${needed}`);
  console.log(`skipped: needs ${needed}`);
  return false;
}

function isOnDisk(folder: string): boolean {
  return process.platform === "linux" && statfsSync(folder).type !== TMPFS_MAGIC;
}

function takesDirectWrites(folder: string): boolean {
  const { O_CREAT, O_DIRECT, O_WRONLY } = constants;
  const dir = mkdtempSync(join(folder, "sagong-direct-disk-"));
  try {
    closeSync(openSync(join(dir, "one"), O_CREAT | O_WRONLY | O_DIRECT));
    return true;
  } catch (error) {
    if (hasCode(error, "EINVAL")) return false;
    throw error;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
