import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimDataDir } from "./claim-data-dir.js";

let dataDir: string;
const options = (members: number) => ({ dataDir, members });

beforeEach(() => {
  dataDir = mkdtempSync(`${tmpdir()}/sagong-claim-`);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe("claimDataDir()", () => {
  it("takes an empty folder, and again after it was given back", async () => {
    (await claimDataDir(options(3)))();
    (await claimDataDir(options(3)))();
  });

  it("refuses a folder that another running process holds", async () => {
    const release = await claimDataDir(options(3));
    await expect(claimDataDir(options(3))).rejects.toThrow(
      `process ${process.pid} runs a cluster on it`,
    );
    release();
  });

  it("takes over the lock of a process that is gone", async () => {
    writeFileSync(`${dataDir}/lock`, '{"pid":999999999,"startTime":"1"}');
    (await claimDataDir(options(1)))();
  });

  it("refuses another number of members and says what to do", async () => {
    (await claimDataDir(options(3)))();
    await expect(claimDataDir(options(1))).rejects.toThrow(
      "it holds a cluster of 3; use --members 3, another --data-dir, or delete the folder",
    );
  });

  it("refuses a folder with other things in it", async () => {
    mkdirSync(`${dataDir}/photos`);
    await expect(claimDataDir(options(3))).rejects.toThrow("it holds photos but no Sagong cluster");
  });

  it("refuses a record that it cannot read", async () => {
    writeFileSync(`${dataDir}/cluster.json`, "{");
    await expect(claimDataDir(options(3))).rejects.toThrow(
      "is not a cluster record of this version",
    );
  });

  it("says that a folder cannot be made where the file system does not make any", async () => {
    await expect(claimDataDir({ ...options(3), dataDir: "/proc/sagong/x" })).rejects.toThrow(
      /^Cannot make data directory \/proc\/sagong\/x: ENOENT.*choose another with --data-dir$/,
    );
  });
});
