// @ts-check
/** `npm run simulate`: the store under virtual time, with faults. Flags: `--help`. */
import { prepare } from "./lib/prepare.mjs";

prepare();
// Built by now, and not before.
const { runSimulate } = await import("@sagong/robustness");
const { realClock } = await import("@sagong/base/real");

const stopping = new AbortController();
process.once("SIGINT", () => stopping.abort()); // A second one ends it at once.

process.exitCode = await runSimulate(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  columns: process.stderr.isTTY ? process.stderr.columns : undefined,
  clock: realClock(),
  signal: stopping.signal,
});
