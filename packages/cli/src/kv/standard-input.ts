/** Standard input as commands of `sagong kv` read it: whole, or line by line, until aborted. */
import { concatBytes } from "@sagong/base";
import { KV_EXIT, KvError } from "./kv-error.js";
import { toByteString } from "./text/byte-string.js";

/** The largest value or line: above every request that a store can be told to take. */
const INPUT_BYTES_MAX = 64 * 1024 ** 2;
const NEWLINE = 0x0a;

export class StandardInput {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stdin: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#chunks = stdin[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  async readAll(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [this.#rest];
    let size = this.#rest.length;
    for (;;) {
      const chunk = await this.#next();
      if (!chunk) return concatBytes(chunks);
      size += chunk.length;
      checkSize(size);
      chunks.push(chunk);
    }
  }

  /**
   * The next line as a byte string, without its end. Undefined at the end of the input, also where
   * characters without a line's end are left.
   */
  async readLine(): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let chunk: Uint8Array | undefined = this.#rest; chunk; chunk = await this.#next()) {
      const end = chunk.indexOf(NEWLINE);
      if (end >= 0) {
        parts.push(chunk.subarray(0, end));
        this.#rest = chunk.subarray(end + 1);
        return toByteString(concatBytes(parts));
      }
      parts.push(chunk);
      size += chunk.length;
      checkSize(size);
    }
    return undefined;
  }

  /** The next chunk; undefined at the end. Throws `KvError` when aborted. */
  async #next(): Promise<Uint8Array | undefined> {
    const signal = this.#signal;
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(new KvError(KV_EXIT.interrupted, "interrupted"));
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort);
    });
    try {
      const result = await Promise.race([this.#chunks.next(), aborted]);
      return result.done ? undefined : result.value;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}

function checkSize(size: number): void {
  if (size <= INPUT_BYTES_MAX) return;
  const message = `standard input is too large, expected at most ${INPUT_BYTES_MAX} bytes`;
  throw new KvError(KV_EXIT.invalidInput, message);
}
