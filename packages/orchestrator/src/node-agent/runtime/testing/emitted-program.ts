/**
 * One of our programs as JavaScript in a folder of its own, so that a test can run it in a process
 * of its own without a build having been made before. Emitted without type checks: the build does
 * those.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = fileURLToPath(new URL("../../../../../", import.meta.url));
const TSC = join(PACKAGES, "../node_modules/.bin/tsc");

/** Writes the program and all that it imports of ours below `target`; returns its path. */
export function emitProgram(entry: string, target: string): string {
  mkdirSync(join(target, "node_modules/@sagong/base"), { recursive: true });
  writeJson(join(target, "package.json"), { type: "module" });
  writeJson(join(target, "node_modules/@sagong/base/package.json"), {
    type: "module",
    exports: { ".": "./src/index.js", "./real": "./src/real/index.js" },
  });
  const compilerOptions = {
    target: "es2023",
    module: "nodenext",
    noCheck: true,
    types: [],
    rootDir: PACKAGES,
    outDir: join(target, "node_modules/@sagong"),
  };
  // What is imported by the name of a package is not the program's own, and must be named.
  const base = ["base/src/index.ts", "base/src/real/index.ts"].map((path) => join(PACKAGES, path));
  writeJson(join(target, "tsconfig.json"), { compilerOptions, files: [entry, ...base] });
  execFileSync(TSC, ["--project", target]);
  return join(target, "node_modules/@sagong", relative(PACKAGES, entry).replace(/\.ts$/, ".js"));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value));
}
