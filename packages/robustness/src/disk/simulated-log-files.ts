/** Raft's `LogFiles` on a simulated disk, as one process has it. */
import type { LogFile, LogFiles } from "@sagong/raft";
import { concatBytes, type Random, randomBelow } from "@sagong/base";
import type { DiskFaults } from "./disk-faults.js";
import { type DiskCall, DURATIONS } from "./disk-operations.js";
import type { DiskRoom } from "./disk-room.js";
import { syncFile, takeRoom } from "./file-effects.js";
import type { FolderNames } from "./folder-names.js";
import { SimulatedFile } from "./simulated-file.js";
import { SystemError } from "./system-error.js";

export interface LogFilesSurroundings {
  readonly dir: string;
  readonly names: FolderNames<SimulatedFile>;
  readonly faults: DiskFaults;
  readonly room: DiskRoom;
  /** Of what goes wrong in a write that has no room. */
  readonly random: Random;
  /** Told by each durable write how it went: after one that failed there must be none. */
  readonly noteWrite: (how: "done" | "failed") => void;
  /** Whether the write that asks is to land elsewhere; asked once for each. */
  readonly takeMisdirection: () => boolean;
  readonly run: <T>(call: DiskCall<T>) => Promise<T>;
}

export class SimulatedLogFiles implements LogFiles {
  readonly dir: string;
  readonly #around: LogFilesSurroundings;

  constructor(around: LogFilesSurroundings) {
    this.dir = around.dir;
    this.#around = around;
  }

  make(): Promise<void> {
    return this.#around.run({ takes: DURATIONS.names, effect: () => {} });
  }

  list(): Promise<readonly string[]> {
    const { names, run } = this.#around;
    return run({ takes: DURATIONS.names, effect: () => names.list() });
  }

  read(name: string): Promise<Uint8Array> {
    const { faults, run } = this.#around;
    const effect = (): Uint8Array => {
      const file = this.#file(name);
      if (faults.readErrors.has("log")) throw new SystemError("EIO", "read");
      return file.read();
    };
    return run({ takes: DURATIONS.read, effect });
  }

  create(name: string): Promise<LogFile> {
    const { names, room, run } = this.#around;
    const effect = (): LogFile => {
      if (names.get(name)) throw new SystemError("EEXIST", `open '${this.dir}/${name}'`);
      room.take("log", 1);
      const file = new SimulatedFile();
      names.add(name, file);
      return new SimulatedLogFile(file, this.#around);
    };
    return run({ takes: DURATIONS.names, effect });
  }

  open(name: string): Promise<LogFile> {
    const effect = (): LogFile => new SimulatedLogFile(this.#file(name), this.#around);
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  truncate(name: string, length: number): Promise<void> {
    const effect = (): void => {
      const file = this.#file(name);
      file.truncate(length);
      syncFile(file, "log", this.#around.faults);
    };
    return this.#around.run({ takes: DURATIONS.sync, effect });
  }

  remove(name: string): Promise<void> {
    const { names, run } = this.#around;
    return run({ takes: DURATIONS.names, effect: () => names.remove(name) });
  }

  sync(): Promise<void> {
    const { faults, names, run } = this.#around;
    const effect = (): void => {
      if (faults.syncErrors.has("log")) throw new SystemError("EIO", "fsync");
      if (!faults.ignoresFolderSyncs) names.sync();
    };
    return run({ takes: DURATIONS.sync, effect });
  }

  #file(name: string): SimulatedFile {
    const file = this.#around.names.get(name);
    if (!file) throw new SystemError("ENOENT", `open '${this.dir}/${name}'`);
    return file;
  }
}

class SimulatedLogFile implements LogFile {
  readonly sizeBytes: number;
  readonly #file: SimulatedFile;
  readonly #around: LogFilesSurroundings;

  constructor(file: SimulatedFile, around: LogFilesSurroundings) {
    this.#file = file;
    this.sizeBytes = file.sizeBytes;
    this.#around = around;
  }

  writeDurably(parts: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = concatBytes(parts);
    return this.#around.run({
      takes: DURATIONS.durableWrite,
      bytes: bytes.length,
      effect: () => {
        try {
          this.#writeDurably(bytes, position);
        } catch (error) {
          this.#around.noteWrite("failed");
          throw error;
        }
        this.#around.noteWrite("done");
      },
      interrupt: (random) => this.#file.interruptWrite(bytes, position, random),
    });
  }

  writeZeros(length: number, position: number): Promise<void> {
    const { faults, room, run } = this.#around;
    const effect = (): void => {
      if (faults.writeErrors.has("log")) throw new SystemError("EIO", "write");
      room.take("log", position + length - this.#file.sizeBytes);
      this.#file.zero(position, length);
    };
    return run({ takes: DURATIONS.cachedWrite, bytes: length, effect });
  }

  sync(): Promise<void> {
    const effect = (): void => syncFile(this.#file, "log", this.#around.faults);
    return this.#around.run({ takes: DURATIONS.sync, effect });
  }

  close(): Promise<void> {
    return this.#around.run({ takes: DURATIONS.names, effect: () => {} });
  }

  #writeDurably(bytes: Uint8Array, position: number): void {
    const { faults, random, room } = this.#around;
    const file = this.#file;
    if (faults.writeErrors.has("log")) {
      file.interruptWrite(bytes, position, random);
      throw new SystemError("EIO", "write");
    }
    takeRoom(file, { bytes, position }, { area: "log", room });
    if (faults.syncErrors.has("log")) {
      file.write(bytes, position);
      file.failSync();
      if (faults.failsSyncsOnce) faults.syncErrors.delete("log");
      throw new SystemError("EIO", "write");
    }
    if (faults.lyingSyncs.has("log")) file.write(bytes, position);
    else if (this.#around.takeMisdirection()) {
      const is = randomBelow(random, Math.max(1, file.sizeBytes - bytes.length));
      file.writeMisdirected(bytes, { meant: position, is });
    } else file.writeDurably(bytes, position);
  }
}
