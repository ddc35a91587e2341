import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { logFilesSuite } from "../testing/log-files-suite.js";
import { nodeLogFiles } from "./node-log-files.js";

logFilesSuite("nodeLogFiles()", async () => {
  const dir = mkdtempSync(`${tmpdir()}/sagong-log-files-`);
  return {
    files: nodeLogFiles(`${dir}/log`),
    reopened: async () => nodeLogFiles(`${dir}/log`),
    remove: async () => rmSync(dir, { recursive: true, force: true }),
  };
});
