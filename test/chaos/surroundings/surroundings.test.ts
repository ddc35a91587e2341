/** Whether what surroundings.c stands before is what Node and LevelDB really call. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { repositoryRoot } from "../../support/repository-root.js";
import { run } from "../../support/tools.js";
import { isChaosPossible } from "../requirements.js";
import { buildSurroundings, EIO, Surroundings } from "./surroundings.js";
import { unsyncedFiles } from "./unsynced-writes.js";

const HOUR_NS = 3600 * 1_000_000_000;
const isPossible = isChaosPossible();
const folder = mkdtempSync(join(tmpdir(), "sagong-surroundings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!isPossible)("surroundings.c", () => {
  const root = join(folder, "disk");
  mkdirSync(root);
  const library = isPossible ? buildSurroundings(folder) : "";
  const surroundings = new Surroundings({ library, folder, root });

  /** What the program printed; `root` is its `process.argv[1]`. */
  async function node(program: string): Promise<string> {
    const [env = "", ...words] = surroundings.launchPrefix;
    const { stdout, stderr } = await run(env, [...words, process.execPath, "-e", program, root]);
    expect(stderr).toBe("");
    return stdout.trim();
  }

  it("sees what Node writes, and what it makes durable", async () => {
    await node(`
      const fs = require("node:fs"), root = process.argv[1];
      fs.writeFileSync(root + "/lost", "lost");
      fs.writeFileSync(root + "/kept", "kept");
      const kept = fs.openSync(root + "/kept", "r+"); fs.fdatasyncSync(kept);
      const { O_WRONLY, O_CREAT, O_DSYNC } = fs.constants;
      const log = fs.openSync(root + "/log", O_WRONLY | O_CREAT | O_DSYNC);
      fs.writevSync(log, [Buffer.from("in "), Buffer.from("parts")], 0);
    `);
    const inodes = [...unsyncedFiles(readFileSync(surroundings.journal)).keys()];
    expect(inodes).toEqual([statSync(join(root, "lost"), { bigint: true }).ino]);
  });

  it("sees what LevelDB writes, and what it makes durable", async () => {
    surroundings.clearJournal();
    const level = JSON.stringify(join(repositoryRoot(), "node_modules/classic-level"));
    await node(`
      const { ClassicLevel } = require(${level});
      const db = new ClassicLevel(process.argv[1] + "/level");
      db.put("a", "durable", { sync: true }).then(() => db.put("b", "not"))
        .then(() => process.kill(process.pid, "SIGKILL"));
    `);
    const files = unsyncedFiles(readFileSync(surroundings.journal));
    const log = statSync(join(root, "level/000003.log"), { bigint: true });
    const { writes = [] } = files.get(log.ino) ?? {};
    const bytes = writes.reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(Number(log.size));
  });

  it("fails syncs and durable writes while it is told to", async () => {
    surroundings.set("syncErrno", EIO);
    const codes = await node(`
      const fs = require("node:fs"), root = process.argv[1];
      const { O_WRONLY, O_CREAT, O_DSYNC } = fs.constants;
      const log = fs.openSync(root + "/log", O_WRONLY | O_CREAT | O_DSYNC);
      const codeOf = (act) => { try { act(); return "none"; } catch ({ code }) { return code; } };
      console.log([
        codeOf(() => fs.writevSync(log, [Buffer.from("x")], 0)),
        codeOf(() => fs.fsyncSync(log)),
        codeOf(() => fs.writeFileSync(root + "/plain", "x")),
      ].join());
    `);
    surroundings.heal();
    expect(codes).toBe("EIO,EIO,none");
  });

  it("delays syncs while it is told to", async () => {
    const syncMs = (): Promise<string> =>
      node(`
        const fs = require("node:fs"), file = fs.openSync(process.argv[1] + "/slow", "w");
        const before = performance.now();
        fs.fsyncSync(file);
        console.log(performance.now() - before);
      `);
    expect(surroundings.isSlow).toBe(false);
    surroundings.set("syncDelayUs", 200_000);
    expect(surroundings.isSlow).toBe(true);
    expect(Number(await syncMs())).toBeGreaterThan(190);
    expect(surroundings.count("delays")).toBe(1);
    surroundings.heal();
    expect(surroundings.isSlow).toBe(false);
    await syncMs();
    expect(surroundings.count("delays")).toBe(1);
  });

  it("lies about syncs while it is told to", async () => {
    surroundings.clearJournal();
    surroundings.set("isLying", 1);
    await node(`
      const fs = require("node:fs");
      const file = fs.openSync(process.argv[1] + "/lied", "w");
      fs.writeSync(file, "nowhere"); fs.fsyncSync(file);
    `);
    surroundings.heal();
    expect(surroundings.count("lies")).toBe(1);
    const { ino } = statSync(join(root, "lied"), { bigint: true });
    expect(unsyncedFiles(readFileSync(surroundings.journal)).get(ino)?.writes).toHaveLength(1);
  });

  it("changes the wall clock, and never the monotonic one", async () => {
    surroundings.set("wallOffsetNs", HOUR_NS);
    const told = await node("console.log(Date.now(), process.hrtime.bigint().toString())");
    surroundings.heal();
    const [wallMs = 0, monotonicNs = 0] = told.split(" ").map(Number);
    expect(wallMs - Date.now()).toBeGreaterThan(3500_000);
    expect(Math.abs(monotonicNs - Number(process.hrtime.bigint()))).toBeLessThan(60e9);
  });
});
