import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { databasesSuite } from "../testing/databases-suite.js";
import { levelDatabases } from "./level-databases.js";

databasesSuite("levelDatabases", async () => {
  const dir = await mkdtemp(`${tmpdir()}/sagong-databases-`);
  return {
    databases: levelDatabases,
    dir: `${dir}/store`,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
});
