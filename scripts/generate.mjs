// @ts-check
/**
 * Writes all generated code (`gen/` folders); with --check it writes nothing and fails where a file
 * is not what would be written.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { kubernetesTypes } from "./generate/kubernetes-types.mjs";
import { protoModules } from "./generate/proto.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");
const files = new Map([...protoModules(), ...kubernetesTypes()]);

let stale = 0;
for (const [path, text] of files) {
  const full = `${root}${path}`;
  if (read(full) === text) continue;
  stale++;
  if (check) {
    console.error(`${path} is not current`);
  } else {
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) {
  console.error("Generated code is not current: run `npm run generate`");
  process.exit(1);
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
    throw error;
  }
}
