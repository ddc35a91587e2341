import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimDataDir } from "./data-dir.js";
import type { ClusterIdentity } from "./identity.js";
import type { MemberDisk } from "./member-disk.js";
import { nodeMemberDisk } from "./node-member-disk.js";

let root: string;
let disk: MemberDisk;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sagong-data-dir-"));
  disk = nodeMemberDisk(join(root, "data"));
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
    await disk.prepare();
    await claimDataDir(disk, { identity, isEmpty: true });
    await disk.prepare();
    await expect(claimDataDir(disk, { identity, isEmpty: false })).resolves.toBeUndefined();
  });

  it("refuses the directory of another cluster and says what to do", async () => {
    await disk.prepare();
    await claimDataDir(disk, { identity, isEmpty: true });
    await expect(
      claimDataDir(disk, { identity: { ...identity, clusterId: 0xc2n }, isEmpty: false }),
    ).rejects.toThrow(
      /belongs to cluster c1 \(members a=http:\/\/h:1,b=http:\/\/h:2\), expected cluster c2; use the --initial-cluster/,
    );
  });

  it("refuses the directory of another member of the cluster", async () => {
    await disk.prepare();
    await claimDataDir(disk, { identity, isEmpty: true });
    await expect(
      claimDataDir(disk, { identity: { ...identity, memberId: 0xb1n }, isEmpty: false }),
    ).rejects.toThrow(/belongs to member a1 \(a\) of this cluster, expected member b1/);
  });

  it("refuses data without a record, and a damaged record", async () => {
    await disk.prepare();
    await expect(claimDataDir(disk, { identity, isEmpty: false })).rejects.toThrow(
      /holds data but/,
    );
    await writeFile(disk.identityFile, "{");
    await expect(claimDataDir(disk, { identity, isEmpty: true })).rejects.toThrow(/is damaged/);
  });
});
