/**
 * A log file with a limit: at `LIMIT_BYTES` it becomes `<file>.1`, whose former content goes, and a
 * new one begins. Never fails its writer: that the log cannot be written is said once.
 */
import { createWriteStream, existsSync, openSync, renameSync, statSync } from "node:fs";
import type { WriteStream } from "node:fs";

const LIMIT_BYTES = 32 * 1024 * 1024;

export interface LogFileReporter {
  say(message: string): void;
}

export class LogFile {
  readonly #path: string;
  readonly #reporter: LogFileReporter;
  #bytes = 0;
  /** Undefined once it cannot be written. */
  #stream: WriteStream | undefined;
  /** The end of what the file before still had to write. */
  #former: Promise<void> = Promise.resolve();
  #isBroken = false;

  constructor(path: string, reporter: LogFileReporter) {
    this.#path = path;
    this.#reporter = reporter;
    this.#guard(() => {
      this.#bytes = existsSync(path) ? statSync(path).size : 0;
      this.#stream = this.#open();
    });
  }

  write(chunk: string | Uint8Array): void {
    if (this.#bytes > LIMIT_BYTES) this.#guard(() => this.#rotate());
    this.#bytes += chunk.length;
    this.#stream?.write(chunk);
  }

  async close(): Promise<void> {
    await Promise.all([this.#former, ended(this.#stream)]);
  }

  #rotate(): void {
    this.#former = ended(this.#stream);
    this.#stream = undefined;
    renameSync(this.#path, `${this.#path}.1`);
    this.#bytes = 0;
    this.#stream = this.#open();
  }

  /** The file is there from now on: a stream would open it only later. */
  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { fd: openSync(this.#path, "a", 0o600) });
    stream.on("error", (error) => this.#fail(error));
    return stream;
  }

  #guard(action: () => void): void {
    if (this.#isBroken) return;
    try {
      action();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fail(error: Error): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#stream = undefined;
    this.#reporter.say(`${this.#path} cannot be written: ${error.message}`);
  }
}

function ended(stream: WriteStream | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!stream || stream.destroyed) resolve();
    else stream.end(resolve);
  });
}
