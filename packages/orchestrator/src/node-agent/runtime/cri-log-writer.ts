/**
 * Writes a container's output as CRI log lines, `<RFC3339Nano> stdout F <line>`, into a file that
 * is rotated by size. Lines longer than a chunk are split and marked P (partial) but for the last
 * piece. Owns the file; knows nothing of where the bytes come from.
 */
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  type WriteStream,
} from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "@sagong/base";

export type LogStreamName = "stdout" | "stderr";

export interface CriLogWriterOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Told when lines are lost because the file cannot be written (disk full). */
  readonly onError: (error: unknown) => void;
  /** The kubelet's containerLogMaxSize. */
  readonly maxFileBytes?: number;
  /** The kubelet's containerLogMaxFiles, the present file included. */
  readonly maxFiles?: number;
}

/** Longest piece of a line in one record: containerd's 16 KiB. */
const MAX_LINE_BYTES = 16 * 1024;
const DEFAULT_MAX_FILE_BYTES = 10 * 1024 * 1024;
const DEFAULT_MAX_FILES = 5;
const NEWLINE = 0x0a;
/** After a failed write lines are dropped for so long before the file is tried again. */
const RETRY_AFTER_MS = 5_000;

export class CriLogWriter {
  readonly #options: Required<CriLogWriterOptions>;
  readonly #pending = new Map<LogStreamName, Buffer>();
  #file: WriteStream;
  #fileBytes: number;
  #brokenAtMs: number | undefined;

  constructor(options: CriLogWriterOptions) {
    this.#options = {
      maxFileBytes: DEFAULT_MAX_FILE_BYTES,
      maxFiles: DEFAULT_MAX_FILES,
      ...options,
    };
    mkdirSync(dirname(options.path), { recursive: true });
    this.#fileBytes = existsSync(options.path) ? statSync(options.path).size : 0;
    this.#file = this.#open();
  }

  /** Returns false when the caller should pause its source until `onDrain` calls back. */
  write(stream: LogStreamName, chunk: Buffer): boolean {
    const before = this.#pending.get(stream);
    let rest = before && before.length > 0 ? Buffer.concat([before, chunk]) : chunk;
    const records: Buffer[] = [];
    for (;;) {
      const newline = rest.indexOf(NEWLINE);
      if (newline >= 0 && newline <= MAX_LINE_BYTES) {
        records.push(this.#record(stream, "F", rest.subarray(0, newline)));
        rest = rest.subarray(newline + 1);
      } else if (rest.length > MAX_LINE_BYTES) {
        records.push(this.#record(stream, "P", rest.subarray(0, MAX_LINE_BYTES)));
        rest = rest.subarray(MAX_LINE_BYTES);
      } else {
        break;
      }
    }
    this.#pending.set(stream, rest);
    return records.length === 0 || this.#append(Buffer.concat(records));
  }

  onDrain(callback: () => void): void {
    this.#file.once("drain", callback);
  }

  /** Writes what is left of unfinished lines and closes the file. */
  close(): Promise<void> {
    for (const [stream, rest] of this.#pending) {
      if (rest.length > 0) this.#append(this.#record(stream, "P", rest));
    }
    this.#pending.clear();
    if (this.#brokenAtMs !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#file.once("close", () => resolve());
      this.#file.end();
    });
  }

  #record(stream: LogStreamName, tag: "F" | "P", line: Buffer): Buffer {
    const time = new Date(this.#options.clock.wallMs()).toISOString().replace("Z", "000000Z");
    return Buffer.concat([Buffer.from(`${time} ${stream} ${tag} `), line, Buffer.from("\n")]);
  }

  #append(records: Buffer): boolean {
    if (this.#brokenAtMs !== undefined) {
      if (this.#options.clock.monotonicMs() - this.#brokenAtMs < RETRY_AFTER_MS) return true;
      this.#brokenAtMs = undefined;
      this.#file = this.#open();
    }
    if (this.#fileBytes > 0 && this.#fileBytes + records.length > this.#options.maxFileBytes) {
      this.#rotate();
    }
    this.#fileBytes += records.length;
    return this.#file.write(records);
  }

  #open(): WriteStream {
    // Opened at once, so that a rename cannot come between the stream's making and its opening.
    const fd = openSync(this.#options.path, "a", 0o640);
    const file = createWriteStream(this.#options.path, { fd });
    file.on("error", (error) => {
      this.#brokenAtMs = this.#options.clock.monotonicMs();
      this.#options.onError(error);
      file.emit("drain"); // A paused source must not wait for a file that is gone.
    });
    return file;
  }

  /** path → path.1 → path.2 …; the oldest is overwritten. */
  #rotate(): void {
    const { path, maxFiles } = this.#options;
    this.#file.end();
    for (let n = maxFiles - 2; n >= 1; n--) {
      if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
    }
    renameSync(path, `${path}.1`);
    this.#file = this.#open();
    this.#fileBytes = 0;
  }
}
