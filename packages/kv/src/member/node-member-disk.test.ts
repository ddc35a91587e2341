import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MemberDisk } from "./member-disk.js";
import { nodeMemberDisk } from "./node-member-disk.js";

let root: string;
let disk: MemberDisk;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sagong-member-disk-"));
  disk = nodeMemberDisk(join(root, "data"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("nodeMemberDisk().prepare()", () => {
  it("refuses a directory of the original etcd", async () => {
    await mkdir(join(disk.root, "member", "wal"), { recursive: true });
    await expect(disk.prepare()).rejects.toThrow(/files of an original etcd/);
  });

  it("refuses a path that is a file", async () => {
    await writeFile(join(root, "data"), "");
    await expect(disk.prepare()).rejects.toThrow(
      `Cannot use the data directory ${disk.root}: ENOTDIR: not a directory`,
    );
  });

  it("makes what is missing on the way", async () => {
    const deep = nodeMemberDisk(join(root, "a", "b"));
    await deep.prepare();
    await deep.writeIdentity("text");
    expect(await deep.readIdentity()).toBe("text");
  });

  it.runIf(process.platform === "linux")("ends where nothing can be made", async () => {
    await expect(nodeMemberDisk("/proc/a/b").prepare()).rejects.toThrow(
      "Cannot use the data directory /proc/a/b: ENOENT: no such file or directory, mkdir '/proc/a'",
    );
  });
});
