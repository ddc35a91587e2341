/**
 * A log file with a limit: at `LIMIT_BYTES` it becomes `<file>.1`, whose former content goes, and a
 * new one begins. Never fails its writer: that the log cannot be written is said once.
 */
import { createWriteStream, existsSync, renameSync, statSync, type WriteStream } from "node:fs";

const LIMIT_BYTES = 32 * 1024 * 1024;

export interface LogFileReporter {
  say(message: string): void;
}

export class LogFile {
  readonly #path: string;
  readonly #reporter: LogFileReporter;
  #bytes: number;
  #stream: WriteStream;
  #isBroken = false;

  constructor(path: string, reporter: LogFileReporter) {
    this.#path = path;
    this.#reporter = reporter;
    this.#bytes = existsSync(path) ? statSync(path).size : 0;
    this.#stream = this.#open();
  }

  write(chunk: string | Uint8Array): void {
    if (this.#bytes > LIMIT_BYTES) this.#rotate();
    this.#bytes += chunk.length;
    this.#stream.write(chunk);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed) resolve();
      else this.#stream.end(resolve);
    });
  }

  #rotate(): void {
    this.#stream.end();
    renameSync(this.#path, `${this.#path}.1`);
    this.#bytes = 0;
    this.#stream = this.#open();
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: "a" });
    stream.on("error", (error) => {
      if (this.#isBroken) return;
      this.#isBroken = true;
      this.#reporter.say(`${this.#path} cannot be written: ${error.message}`);
    });
    return stream;
  }
}
