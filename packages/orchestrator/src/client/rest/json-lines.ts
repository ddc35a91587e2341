/**
 * The lines of a stream of JSON lines, as values. A stream that breaks ends where its last whole
 * line ends: what a server that goes away leaves of a line is no event.
 */
import type { Readable } from "node:stream";

/** One event is one object, of at most 3 MiB in protobuf or JSON; this holds any. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Throws `SyntaxError` where a whole line is no JSON, `RangeError` where one is too long. */
export async function* jsonLines(body: Readable): AsyncGenerator<unknown> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of unbroken(body)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString("utf8");
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line.trim() !== "") yield JSON.parse(line);
    }
    if (start === chunk.length) continue;
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > MAX_LINE_BYTES) {
      throw new RangeError(
        `Cannot read a line of ${restBytes} bytes and more, expected at most ${MAX_LINE_BYTES}`,
      );
    }
  }
}

/** The chunks until the stream ends, in order or not. */
async function* unbroken(body: Readable): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<Buffer>;
      try {
        next = await chunks.next();
      } catch {
        return; // The connection is lost: the reader goes on from the last event that it has.
      }
      if (next.done) return;
      yield next.value;
    }
  } finally {
    body.destroy();
  }
}
