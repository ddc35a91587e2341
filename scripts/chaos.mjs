// @ts-check
/**
 * `npm run chaos`: real members in network namespaces, under faults, with checks of all that their
 * clients saw. This part makes the namespaces and starts `test/chaos/main.ts` in them: they, every
 * process in them and every disk end with it, also where it is killed.
 */
import { spawn } from "node:child_process";
import { prepare, root } from "./lib/prepare.mjs";

const HELP = `npm run chaos -- [flags]

  Real members of the store in network namespaces, clients on all of them, and faults. What the
  clients were told is checked. Needs Linux and root, ip, nft and cc.

  --minutes N    how long faults strike, once members serve (5)
  --rounds N     instead: until each has struck N times, however long that takes
  --members N    3 or 5 (3)
  --faults A,B   only these: groups (process, network, clock, disk-errors, disk-lies, storage-work,
                 service, versions) or names (kill-leader, clock/strobe, …)
  --list-faults  what there is to choose from, and what is not covered
  --seed N       what strikes, and when (drawn)
  --rate N       operations of clients a second (150)
  --json FILE    figures and violations
  --html FILE    the run as a page
  --keep         history, trace, logs and data stay, also where nothing was violated

  While it runs it says a line for each fault: how many by now, what struck, how long it lasted, and
  how long until all members took writes again. The first violation ends the run. The seed gives the
  same faults in the same order again; what members make of them is the machine's.

  Exit code: 0 no violation, 1 violations (everything stays; where is printed), 2 it could not run,
  or not to its end.

Examples:
  npm run chaos -- --minutes 20
  npm run chaos -- --members 5 --faults network,kill-leader --seed 7
  npm run chaos -- --rounds 1 --html run.html                 # each fault once, to look at
  npm run chaos -- --rounds 1 --faults lying-sync-everywhere  # must be violated: it sees`;

const NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

const words = process.argv.slice(2);
if (words.includes("--help") || words.includes("-h")) {
  console.log(HELP);
  process.exit(0);
}
prepare();
// Built by now, and not before.
const { missingForChaos } = await import("../test/dist/chaos/requirements.js");
const missing = missingForChaos();
if (missing.length > 0) {
  console.error(`chaos: needs ${missing.join(", ")}; npm run tools installs programs on Debian`);
  process.exit(2);
}
const child = spawn(
  "unshare",
  [...NAMESPACES, process.execPath, `${root}test/dist/chaos/main.js`, ...words],
  { stdio: ["inherit", "inherit", "inherit", "ipc"] },
);
let isInterrupted = false;
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => {
    // The first lets it clean up and report; the second means it.
    if (isInterrupted) child.kill("SIGKILL");
    else if (child.connected) child.disconnect();
    isInterrupted = true;
  });
}
child.once("exit", (code, signal) => process.exit(signal ? 2 : (code ?? 2)));
