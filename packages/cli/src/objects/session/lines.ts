/** A body as its lines, as they come. */
import { StringDecoder } from "node:string_decoder";

/** A line beyond this is refused: objects are limited to far less. */
const MAX_LINE_CHARACTERS = 64 * 1024 * 1024;

/** Rejects as the body does; what stands behind the last newline is the last line. */
export async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.write(Buffer.from(chunk))).split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw new Error(`Cannot read a line of over ${MAX_LINE_CHARACTERS} characters`);
    }
    yield* parts;
  }
  rest += decoder.end();
  if (rest !== "") yield rest;
}
