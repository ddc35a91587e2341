// @ts-check
/**
 * `npm test`: installs, builds, runs every test, and closes with `N passed, N failed, N skipped`.
 * Words after `--` go to vitest, as `npm test -- --project unit raft`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { prepare, root } from "./lib/prepare.mjs";

prepare();
const folder = mkdtempSync(`${tmpdir()}/sagong-test-`);
const report = `${folder}/report.json`;
const child = spawn(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit" },
);
child.once("exit", (code) => {
  const result = readReport();
  rmSync(folder, { recursive: true, force: true });
  if (result) {
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = result;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  process.exit(code ?? 1);
});

function readReport() {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch (error) {
    console.error(`The test runner left no report: ${String(error)}`);
    return undefined;
  }
}
