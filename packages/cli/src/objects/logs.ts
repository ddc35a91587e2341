/** `sagong logs`: what containers have written, and what they write. */
import { errorText } from "@sagong/base";
import { PODS } from "@sagong/orchestrator/api";
import { queryText, resourcePath } from "@sagong/orchestrator/client";
import type { Io } from "../terminal.js";
import { findLogSources, type LogSource } from "./logs/log-sources.js";
import { addSwitch, goDurationMs, integer } from "./session/arguments.js";
import { CommandError } from "./session/errors.js";
import { lines } from "./session/lines.js";
import { runObjectCommand, type Session } from "./session/session.js";

interface LogFlags {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly container?: string;
  readonly allContainers: boolean;
  readonly allPods: boolean;
  readonly selector?: string;
  readonly tail?: number;
  readonly since: number;
  readonly sinceTime?: string;
  readonly timestamps: boolean;
  readonly prefix: boolean;
  readonly limitBytes: number;
  readonly maxLogRequests: number;
  readonly ignoreErrors: boolean;
}

/** Of several pods only the end is of interest, unless more is asked for. */
const SELECTOR_TAIL = 10;
const MAX_FOLLOWED = 5;

export function logsCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<LogFlags>(
    {
      name: "logs",
      description: "Show what a pod's containers have written.",
      usage: "[-f] [-p] (POD | TYPE/NAME | -l LABELS) [-c CONTAINER] [flags]",
      examples: [
        "sagong logs web-1",
        "sagong logs -f deployment/web --tail=20",
        "sagong logs web-1 -c init --previous",
        "sagong logs -l app=web --all-containers --prefix --since=10m",
      ],
      declare: (program) => {
        program
          .option("-c, --container <name>", "container; default: the pod's first")
          .option("-l, --selector <query>", "pods with these labels")
          .option("--tail <lines>", "only so many lines from the end; -1 all", integer)
          .option("--since <duration>", "only what is not older: 5s, 2m, 3h", goDurationMs, 0)
          .option("--since-time <time>", "only what is not older: an RFC 3339 time")
          .option("--limit-bytes <n>", "at most so many bytes; 0 all", integer, 0)
          .option(
            "--max-log-requests <n>",
            "most logs that are followed at once",
            integer,
            MAX_FOLLOWED,
          );
        addSwitch(program, "-f, --follow", "go on with what is written from now on");
        addSwitch(program, "-p, --previous", "of the container's run before this one");
        addSwitch(program, "--all-containers", "of all containers of the pod");
        addSwitch(program, "--all-pods", "of all pods behind TYPE/NAME");
        addSwitch(program, "--timestamps", "put the time before each line");
        addSwitch(program, "--prefix", "put pod and container before each line");
        return addSwitch(program, "--ignore-errors", "a log that cannot be read is no error");
      },
      check,
      run: logs,
    },
    args,
    io,
  );
}

function check(words: readonly string[], flags: LogFlags): void {
  if (words.length === 0 && flags.selector === undefined) {
    throw new CommandError("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'");
  }
  if (words.length > 0 && flags.selector !== undefined) {
    throw new CommandError("only a selector (-l) or a POD name is allowed");
  }
  if (flags.since !== 0 && flags.sinceTime !== undefined) {
    throw new CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  if (flags.since < 0) throw new CommandError("--since must be greater than 0");
  if (flags.sinceTime !== undefined && Number.isNaN(Date.parse(flags.sinceTime))) {
    throw new CommandError(
      `--since-time is "${flags.sinceTime}", expected an RFC 3339 time such as 2026-01-31T12:00:00Z`,
    );
  }
  if (flags.tail !== undefined && flags.tail < -1) {
    throw new CommandError("--tail must be greater than or equal to -1");
  }
  if (flags.limitBytes < 0) throw new CommandError("--limit-bytes must be greater than 0");
  if (flags.allContainers && flags.container !== undefined) {
    throw new CommandError(
      "--all-containers=true should not be specified with container name " + flags.container,
    );
  }
}

async function logs(session: Session, words: readonly string[], flags: LogFlags): Promise<void> {
  const { selector, container, allContainers, allPods } = flags;
  const sources = await findLogSources(session, {
    words,
    selector,
    container,
    allContainers,
    allPods,
  });
  if (!flags.follow) {
    for (const source of sources) await show(session, source, flags);
    return;
  }
  if (sources.length > flags.maxLogRequests) {
    throw new CommandError(
      `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${flags.maxLogRequests}, use --max-log-requests to increase the limit`,
    );
  }
  await Promise.all(sources.map((source) => show(session, source, flags)));
}

async function show(session: Session, source: LogSource, flags: LogFlags): Promise<void> {
  const { io } = session;
  const { namespace, pod, container } = source;
  const path = `${resourcePath(PODS, { namespace, name: pod, subresource: "log" })}${query(source, flags)}`;
  const prefix = flags.prefix || flags.allPods ? `[pod/${pod}/${container}] ` : "";
  try {
    const body = await session.calls.stream(path, session.signal);
    for await (const line of lines(body)) io.out(`${prefix}${line}\n`);
  } catch (error) {
    if (session.signal.aborted || !flags.ignoreErrors) throw error;
    io.err(`error: ${errorText(error)}\n`);
  }
}

function query({ container }: LogSource, flags: LogFlags): string {
  const { follow, previous, timestamps, since, sinceTime, limitBytes, selector } = flags;
  const tail = flags.tail ?? (selector === undefined ? -1 : SELECTOR_TAIL);
  return queryText({
    container,
    follow: follow || undefined,
    previous: previous || undefined,
    timestamps: timestamps || undefined,
    sinceSeconds: since > 0 ? Math.ceil(since / 1_000) : undefined,
    sinceTime,
    tailLines: tail < 0 ? undefined : tail,
    limitBytes: limitBytes > 0 ? limitBytes : undefined,
  });
}
