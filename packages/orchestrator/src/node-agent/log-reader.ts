/**
 * Reads a container's CRI log, through its rotated files, and follows it while the container runs.
 * Memory stays bounded: files are read in blocks, and tailLines looks back from the end.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { type Clock, delay } from "@sagong/base";
import { type LogQuery, parseCriLine, renderLine } from "./log-query.js";

export interface LogSource {
  readonly path: string;
  /** False once no more lines can come. */
  isRunning(): Promise<boolean>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Followers look for new lines so often. */
const POLL_MS = 100;
const MAX_ROTATED_FILES = 10;

/** The selected lines, rendered. Ends at the end of the log, or, followed, at the container's end. */
export async function* readLog(source: LogSource, query: LogQuery): AsyncGenerator<string> {
  let left = query.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const text of selected(source, query)) {
    if (left <= 0) return;
    const bytes = Buffer.byteLength(text);
    yield bytes <= left ? text : Buffer.from(text).subarray(0, left).toString("utf8");
    left -= bytes;
  }
}

async function* selected(source: LogSource, query: LogQuery): AsyncGenerator<string> {
  const files = rotatedFiles(source.path);
  const tail = query.tailLines;
  const kept: string[] = [];
  let position: Position = { offset: 0, rest: "" };
  for (const file of files) {
    position = { offset: 0, rest: "" };
    for await (const record of records(file, position)) {
      const text = render(record, query);
      if (text === undefined) continue;
      if (tail === undefined) yield text;
      else if (tail > 0 && kept.push(text) > tail) kept.shift();
    }
  }
  yield* kept;
  if (query.follow) yield* follow(source, query, position);
}

interface Position {
  offset: number;
  /** The beginning of a record whose end has not been read. */
  rest: string;
}

async function* follow(
  source: LogSource,
  query: LogQuery,
  position: Position,
): AsyncGenerator<string> {
  for (;;) {
    // Asked before reading, so that what was written before the end is still read after it.
    const running = await source.isRunning();
    if (existsSync(source.path)) {
      if (statSync(source.path).size < position.offset) {
        position.offset = 0; // Rotated: the path is a new file.
        position.rest = "";
      }
      for await (const record of records(source.path, position)) {
        const text = render(record, query);
        if (text !== undefined) yield text;
      }
    }
    if (!running || source.signal.aborted) return;
    await delay(source.clock, POLL_MS, source.signal).catch(() => {});
  }
}

/** The whole records from `position` on; moves it to the end of what was read. */
async function* records(path: string, position: Position): AsyncGenerator<string> {
  const stream = createReadStream(path, { start: position.offset, encoding: "utf8" });
  for await (const chunk of stream) {
    const text = String(chunk);
    position.offset += Buffer.byteLength(text);
    const lines = (position.rest + text).split("\n");
    position.rest = lines.pop() ?? "";
    yield* lines;
  }
}

function render(record: string, query: LogQuery): string | undefined {
  const line = parseCriLine(record);
  return line && renderLine(line, query);
}

/** Oldest first, the present file last. */
function rotatedFiles(path: string): string[] {
  const files: string[] = [];
  for (let n = MAX_ROTATED_FILES; n >= 1; n--) {
    if (existsSync(`${path}.${n}`)) files.push(`${path}.${n}`);
  }
  return existsSync(path) ? [...files, path] : files;
}
