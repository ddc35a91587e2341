/**
 * The command of `watch … -- command args`: run once for each event, with the event in its
 * environment, one at a time.
 */
import { spawn } from "node:child_process";
import { encodeUtf8 } from "@sagong/base";
import { type Event, EventType } from "@sagong/kv/client";
import { KV_EXIT, KvError } from "./kv-error.js";
import type { Session } from "./session.js";
import { quote } from "./text/quote.js";

export interface WatchCommandRun {
  /** The command and its arguments. */
  readonly words: readonly string[];
  readonly event: Event;
  /** Of the store when it sent the event. */
  readonly revision: number;
}

/** Throws `KvError`, having said why, where the command cannot be run or fails. */
export async function runWatchCommand(
  session: Session,
  { words, event, revision }: WatchCommandRun,
): Promise<void> {
  const [command = "", ...args] = words;
  const type = event.type === EventType.DELETE ? "DELETE" : "PUT";
  const failure = await run(session, [command, ...args], {
    ETCD_WATCH_REVISION: String(revision),
    ETCD_WATCH_EVENT_TYPE: `"${type}"`,
    ETCD_WATCH_KEY: quote(event.kv?.key ?? new Uint8Array(0)),
    ETCD_WATCH_VALUE: quote(event.kv?.value ?? new Uint8Array(0)),
  });
  if (failure === undefined || session.io.signal.aborted) return;
  const quoted = words.map((word) => quote(encodeUtf8(word))).join(" ");
  session.io.err(`command [${quoted}] error (${failure})\n`);
  throw new KvError(KV_EXIT.failure, failure, { isPrinted: false });
}

/** Why the command failed; undefined where it did not. */
function run(
  session: Session,
  [command, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...session.io.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      signal: session.io.signal,
    });
    child.stdout.on("data", (chunk: Buffer) => session.write([chunk]));
    child.stderr.on("data", (chunk: Buffer) => session.io.err(chunk.toString()));
    child.once("error", (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === "ENOENT";
      const why = isMissing ? "executable file not found in $PATH" : error.message;
      resolve(`exec: ${quote(encodeUtf8(command))}: ${why}`);
    });
    child.once("close", (code, signal) => {
      if (signal !== null) resolve(`signal: ${signal}`);
      else resolve(code === 0 ? undefined : `exit status ${code}`);
    });
  });
}
