import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimDataDir } from "./claim-data-dir.js";

let dataDir: string;
const options = (members: number) => ({ dataDir, members, nodes: 1, portOffset: 0, single: false });

beforeEach(() => {
  dataDir = mkdtempSync(`${tmpdir()}/sagong-claim-`);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe("claimDataDir()", () => {
  it("takes an empty folder, and again after it was given back", () => {
    claimDataDir(options(3))();
    expect(() => claimDataDir(options(3))()).not.toThrow();
  });

  it("refuses a folder that another running process holds", () => {
    const release = claimDataDir(options(3));
    expect(() => claimDataDir(options(3))).toThrow(`process ${process.pid} runs a cluster on it`);
    release();
  });

  it("takes over the lock of a process that is gone", () => {
    writeFileSync(`${dataDir}/lock`, "999999999");
    expect(() => claimDataDir(options(1))()).not.toThrow();
  });

  it("refuses another number of members and says what to do", () => {
    claimDataDir(options(3))();
    expect(() => claimDataDir(options(1))).toThrow(
      "it holds a cluster of 3; use --members 3, another --data-dir, or delete the folder",
    );
  });

  it("refuses a folder with other things in it", () => {
    mkdirSync(`${dataDir}/photos`);
    expect(() => claimDataDir(options(3))).toThrow("it holds photos but no Sagong cluster");
  });

  it("refuses a record that it cannot read", () => {
    writeFileSync(`${dataDir}/cluster.json`, "{");
    expect(() => claimDataDir(options(3))).toThrow("is not a cluster record of this version");
  });

  it("says that a folder cannot be made where the file system does not make any", () => {
    expect(() => claimDataDir({ ...options(3), dataDir: "/proc/sagong/x" })).toThrow(
      /^Cannot make data directory \/proc\/sagong: ENOENT.*choose another with --data-dir$/,
    );
  });
});
