import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { logFilesSuite } from "../testing/log-files-suite.js";
import type { DirectLogFileOptions } from "./direct-log-file.js";
import { nodeLogFiles } from "./node-log-files.js";

const flavours: Readonly<Record<string, DirectLogFileOptions>> = {
  "nodeLogFiles()": {},
  // Disks write 512 bytes or more at once: the system refuses, and all goes through its cache.
  "nodeLogFiles(), blocks of 8 bytes": { blockBytes: 8 },
};

for (const [title, options] of Object.entries(flavours)) {
  logFilesSuite(title, async () => {
    const dir = mkdtempSync(`${tmpdir()}/sagong-log-files-`);
    return {
      files: nodeLogFiles(`${dir}/log`, options),
      reopened: async () => nodeLogFiles(`${dir}/log`, options),
      remove: async () => rmSync(dir, { recursive: true, force: true }),
    };
  });
}
