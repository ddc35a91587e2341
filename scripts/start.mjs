// @ts-check
/** `npm start`: installs, builds, and runs a cluster in the foreground (`sagong start`). */
import { spawn } from "node:child_process";
import { prepare, root } from "./lib/prepare.mjs";

prepare();
const child = spawn(
  process.execPath,
  [`${root}packages/cli/bin/sagong.mjs`, "start", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
// The terminal's Ctrl-C reaches the child by itself, one that was sent to us alone does not: a second
// one does no harm.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => child.kill(signal));
}
child.once("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
