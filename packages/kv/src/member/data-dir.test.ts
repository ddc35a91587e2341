import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimDataDir, type DataDir, dataDirAt, prepareDataDir } from "./data-dir.js";
import type { ClusterIdentity } from "./identity.js";

let root: string;
let dir: DataDir;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sagong-data-dir-"));
  dir = dataDirAt(join(root, "data"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const identity: ClusterIdentity = {
  clusterId: 0xc1n,
  memberId: 0xa1n,
  members: [
    { id: 0xa1n, name: "a", peerUrls: ["http://h:1"] },
    { id: 0xb1n, name: "b", peerUrls: ["http://h:2"] },
  ],
};

describe("claimDataDir()", () => {
  it("records an empty directory and knows it again", async () => {
    await prepareDataDir(dir);
    await claimDataDir(dir, { identity, isEmpty: true });
    await prepareDataDir(dir);
    await expect(claimDataDir(dir, { identity, isEmpty: false })).resolves.toBeUndefined();
  });

  it("refuses the directory of another cluster and says what to do", async () => {
    await prepareDataDir(dir);
    await claimDataDir(dir, { identity, isEmpty: true });
    await expect(
      claimDataDir(dir, { identity: { ...identity, clusterId: 0xc2n }, isEmpty: false }),
    ).rejects.toThrow(
      /belongs to cluster c1 \(members a=http:\/\/h:1,b=http:\/\/h:2\), expected cluster c2; use the --initial-cluster/,
    );
  });

  it("refuses the directory of another member of the cluster", async () => {
    await prepareDataDir(dir);
    await claimDataDir(dir, { identity, isEmpty: true });
    await expect(
      claimDataDir(dir, { identity: { ...identity, memberId: 0xb1n }, isEmpty: false }),
    ).rejects.toThrow(/belongs to member a1 \(a\) of this cluster, expected member b1/);
  });

  it("refuses data without a record, and a damaged record", async () => {
    await prepareDataDir(dir);
    await expect(claimDataDir(dir, { identity, isEmpty: false })).rejects.toThrow(/holds data but/);
    await writeFile(dir.identityFile, "{");
    await expect(claimDataDir(dir, { identity, isEmpty: true })).rejects.toThrow(/is damaged/);
  });
});

describe("prepareDataDir()", () => {
  it("refuses a directory of the original etcd", async () => {
    await mkdir(join(dir.root, "member", "wal"), { recursive: true });
    await expect(prepareDataDir(dir)).rejects.toThrow(/files of an original etcd/);
  });

  it("refuses a path that is a file", async () => {
    await writeFile(join(root, "data"), "");
    await expect(prepareDataDir(dir)).rejects.toThrow(
      `Cannot use the data directory ${dir.root}: ENOTDIR: not a directory`,
    );
  });

  it("makes what is missing on the way", async () => {
    const deep = dataDirAt(join(root, "a", "b"));
    await prepareDataDir(deep);
    await claimDataDir(deep, { identity, isEmpty: true });
  });

  it.runIf(process.platform === "linux")("ends where nothing can be made", async () => {
    await expect(prepareDataDir(dataDirAt("/proc/a/b"))).rejects.toThrow(
      "Cannot use the data directory /proc/a/b: ENOENT: no such file or directory, mkdir '/proc/a'",
    );
  });
});
