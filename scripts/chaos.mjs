// @ts-check
/**
 * `npm run chaos`: real members in network namespaces, under faults, with checks of all that their
 * clients saw. This part makes the namespaces and starts `test/chaos/main.ts` in them; they and every
 * process in them end with it.
 */
import { spawn } from "node:child_process";
import { prepare, root } from "./lib/prepare.mjs";

prepare();
const UNSHARE = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const child = spawn(
  "unshare",
  [...UNSHARE, process.execPath, `${root}test/dist/chaos/main.js`, ...process.argv.slice(2)],
  { stdio: ["inherit", "inherit", "inherit", "ipc"] },
);
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => child.disconnect());
}
child.once("exit", (code, signal) => process.exit(signal ? 2 : (code ?? 2)));
