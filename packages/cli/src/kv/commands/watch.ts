/**
 * `sagong kv watch`: events as they come, and for each, if wanted, a command to run. Interactively
 * (`-i`), lines of standard input add watches and ask how far they have come.
 */
import { encodeUtf8, TaskGroup } from "@sagong/base";
import { CompactedError, type StoreWatch, type WatchSpec } from "@sagong/kv/client";
import { RpcError } from "@sagong/rpc";
import type { Command as Program } from "commander";
import { normalizeArguments } from "../arguments.js";
import { errorSentence } from "../error-sentence.js";
import { splitWords } from "../grammar/split-words.js";
import { KV_EXIT, KvError } from "../kv-error.js";
import { createProgram, parseProgram } from "../program.js";
import { addWatchFlags, type WatchFlags, watchRequest } from "../requests/watch-request.js";
import { runWatchCommand } from "../run-watch-command.js";
import type { Session, WithSession } from "../session.js";
import { byteStringText, fromByteString } from "../text/byte-string.js";

export function addWatchCommand(
  program: Program,
  withSession: WithSession,
  { wordsAfterDashes }: { readonly wordsAfterDashes: number },
): void {
  addWatchFlags(program.command("watch"))
    .summary("events of a key or a range of keys")
    .description(
      "Prints what happens to a key, or to the keys from <key> up to <range_end>, until it is\n" +
        'interrupted. Behind "--": a command to run for each event, which finds it in\n' +
        "ETCD_WATCH_EVENT_TYPE, ETCD_WATCH_KEY, ETCD_WATCH_VALUE and ETCD_WATCH_REVISION.",
    )
    .usage("[flags] [key] [range_end] [-- command args…]")
    .option("-i, --interactive", 'read "watch …" and "progress" from standard input, a line each')
    .argument("[words...]")
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], flags: WatchFlags) =>
      withSession(async (session) => {
        session.printer("watch");
        if (flags.interactive) return await watchInteractively(session);
        const keys = words.slice(0, words.length - wordsAfterDashes);
        const command = words.slice(words.length - wordsAfterDashes);
        const spec = watchRequest(keys.map(encodeUtf8), flags, session.io.env);
        const watch = await open(session, spec, session.io.signal);
        await follow(session, watch, { command });
        if (session.io.signal.aborted) return;
        throw new KvError(KV_EXIT.interrupted, "watch is canceled by the server");
      }),
    );
}

async function open(session: Session, spec: WatchSpec, signal: AbortSignal): Promise<StoreWatch> {
  const client = await session.client();
  return client.watch({ ...spec, signal });
}

/** Prints batches until the watch is aborted, or the store ends it and that is said. */
async function follow(
  session: Session,
  watch: StoreWatch,
  { command }: { readonly command: readonly string[] },
): Promise<void> {
  const print = session.printer("watch");
  try {
    for await (const batch of watch) {
      const { events, revision } = batch;
      if (events.length === 0) session.write([`progress notify: ${revision}\n`]);
      print(batch);
      if (command.length === 0) continue;
      for (const event of events)
        await runWatchCommand(session, { words: command, event, revision });
    }
  } catch (error) {
    if (error instanceof CompactedError) {
      const reason = "etcdserver: mvcc: required revision has been compacted";
      session.io.err(`watch was canceled (${reason})\n`);
      const { compactRevision, header } = error;
      print({ header, revision: header?.revision ?? 0, events: [], compactRevision });
    } else if (error instanceof RpcError) {
      session.io.err(`watch was canceled (${errorSentence(error)})\n`);
    } else {
      throw error;
    }
  }
}

/** Until the input ends, which is an error as it is etcdctl's: the watches end with it. */
async function watchInteractively(session: Session): Promise<void> {
  const stop = new AbortController();
  let failure: unknown;
  const watches: StoreWatch[] = [];
  const tasks = new TaskGroup((error) => {
    failure ??= error;
    stop.abort();
  });
  const ended = AbortSignal.any([stop.signal, session.io.signal]);
  try {
    while (!ended.aborted) {
      const line = await readOrEnd(session, ended);
      if (ended.aborted) break;
      if (line === undefined) {
        throw new KvError(KV_EXIT.invalidInput, "Error reading watch request line: EOF");
      }
      const request = parseLine(session, line);
      if (request === "progress") {
        for (const watch of watches) watch.requestProgress();
      } else if (request) {
        const watch = await open(session, request.spec, ended);
        watches.push(watch);
        tasks.run(line, () => follow(session, watch, request));
      }
    }
  } finally {
    stop.abort();
    await tasks.settled();
  }
  if (failure !== undefined) throw failure;
}

/** The next line; undefined, too, when `ended` comes first. */
async function readOrEnd(session: Session, ended: AbortSignal): Promise<string | undefined> {
  return await new Promise((resolve, reject) => {
    const onEnd = (): void => resolve(undefined);
    ended.addEventListener("abort", onEnd, { once: true });
    session.input
      .readLine()
      .then(resolve, (error: unknown) => (ended.aborted ? resolve(undefined) : reject(error)))
      .finally(() => ended.removeEventListener("abort", onEnd));
  });
}

type LineRequest =
  | "progress"
  | { readonly spec: WatchSpec; readonly command: readonly string[] }
  | undefined;

/** Undefined where the line is not understood, which is said; wrong flags end the command. */
function parseLine(session: Session, line: string): LineRequest {
  const words = splitWords(line.trim());
  const { err, env } = session.io;
  const [name = "", ...rest] = words;
  if (name === "progress") return "progress";
  if (name !== "watch") {
    const shown = byteStringText(line.trim());
    err(
      name === ""
        ? "Invalid command:  (watch and progress supported)\n"
        : `Invalid command ${shown} (only support watch)\n`,
    );
    return undefined;
  }
  if (rest.length === 0 && (env["ETCDCTL_WATCH_KEY"] ?? "") === "") {
    err("Invalid command watch (command type or key is not provided)\n");
    return undefined;
  }
  const dashes = rest.indexOf("--");
  const own = dashes < 0 ? rest : rest.slice(0, dashes);
  const command = dashes < 0 ? [] : rest.slice(dashes + 1).map(byteStringText);
  let spec: WatchSpec | undefined;
  const program = addWatchFlags(createProgram("watch", { ...session.io }).argument("[words...]"));
  program.action((keys: readonly string[], flags: WatchFlags) => {
    spec = watchRequest(keys.map(fromByteString), flags, env);
  });
  try {
    parseProgram(program, normalizeArguments(own, {}));
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    throw new KvError(KV_EXIT.badArguments, error.message);
  }
  return spec ? { spec, command } : undefined;
}

const EXAMPLES = `
Examples:
  sagong kv watch greeting
  sagong kv watch /registry/ --prefix --rev 1 --prev-kv
  sagong kv watch greeting -- sh -c 'echo "$ETCD_WATCH_KEY is $ETCD_WATCH_VALUE"'
  printf 'watch a\\nwatch b --prefix\\n' | cat - /dev/tty | sagong kv watch -i`;
