// @ts-check
/** `npm run all`: the one gate. Build, lint, format, generated code, then `npm test`. */
import { spawnSync } from "node:child_process";
import { prepare, root } from "./lib/prepare.mjs";

prepare();
const node = process.execPath;
const steps = [
  ["lint", node, `${root}node_modules/oxlint/bin/oxlint`, "--type-aware", "--deny-warnings"],
  ["format", node, `${root}node_modules/oxfmt/bin/oxfmt`, "--check", "."],
  ["generated code", node, `${root}scripts/generate.mjs`, "--check"],
  ["tests", "npm", "test", "--silent", "--", ...process.argv.slice(2)],
];
for (const [name, program = "", ...args] of steps) {
  console.log(`── ${name}`);
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error(`${name}: failed`);
    process.exit(1);
  }
}
