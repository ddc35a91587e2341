/** The twin of files beside LevelDB's own: `DatabaseFiles` in the folder of a simulated database. */
import { bytesOf, concatBytes, type Random } from "@sagong/base";
import type { DatabaseFile, DatabaseFiles } from "@sagong/kv/parts";
import type { DiskArea, DiskFaults } from "./disk-faults.js";
import { type DiskCall, DURATIONS } from "./disk-operations.js";
import type { DiskRoom } from "./disk-room.js";
import { syncFile, takeRoom } from "./file-effects.js";
import type { FolderNames } from "./folder-names.js";
import { SimulatedFile } from "./simulated-file.js";
import { SystemError } from "./system-error.js";

interface FilesSurroundings {
  readonly dir: string;
  readonly area: DiskArea;
  readonly faults: DiskFaults;
  readonly room: DiskRoom;
  readonly random: Random;
  readonly run: <T>(call: DiskCall<T>) => Promise<T>;
}

export class SimulatedDatabaseFiles implements DatabaseFiles {
  readonly #names: FolderNames<SimulatedFile>;
  readonly #around: FilesSurroundings;

  constructor(names: FolderNames<SimulatedFile>, around: FilesSurroundings) {
    this.#names = names;
    this.#around = around;
  }

  list(): Promise<readonly string[]> {
    return this.#around.run({ takes: DURATIONS.names, effect: () => this.#names.list() });
  }

  create(name: string): Promise<DatabaseFile> {
    const { area, dir, faults, room, run } = this.#around;
    const effect = (): DatabaseFile => {
      if (this.#names.get(name)) throw new SystemError("EEXIST", `open '${dir}/${name}'`);
      if (faults.writeErrors.has(area)) throw new SystemError("EIO", `open '${dir}/${name}'`);
      room.take(area, 1);
      const file = new SimulatedFile();
      this.#names.add(name, file);
      return new SimulatedDatabaseFile(file, this.#around);
    };
    return run({ takes: DURATIONS.names, effect });
  }

  open(name: string): Promise<DatabaseFile> {
    const { dir, run } = this.#around;
    const effect = (): DatabaseFile => {
      const file = this.#names.get(name);
      if (!file) throw new SystemError("ENOENT", `open '${dir}/${name}'`);
      return new SimulatedDatabaseFile(file, this.#around);
    };
    return run({ takes: DURATIONS.names, effect });
  }

  remove(name: string): Promise<void> {
    const effect = (): void => this.#names.remove(name);
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  syncNames(): Promise<void> {
    const { area, faults, run } = this.#around;
    const effect = (): void => {
      if (faults.syncErrors.has(area)) throw new SystemError("EIO", "fsync");
      if (!faults.ignoresFolderSyncs) this.#names.sync();
    };
    return run({ takes: DURATIONS.sync, effect });
  }
}

class SimulatedDatabaseFile implements DatabaseFile {
  readonly sizeBytes: number;
  readonly #file: SimulatedFile;
  readonly #around: FilesSurroundings;

  constructor(file: SimulatedFile, around: FilesSurroundings) {
    this.sizeBytes = file.sizeBytes;
    this.#file = file;
    this.#around = around;
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = concatBytes(parts);
    return this.#around.run({
      takes: DURATIONS.cachedWrite,
      bytes: bytes.length,
      effect: () => this.#write(bytes, position),
      interrupt: (random) => this.#file.interruptWrite(bytes, position, random),
    });
  }

  #write(bytes: Uint8Array, position: number): void {
    const { area, faults, random, room } = this.#around;
    const file = this.#file;
    if (faults.writeErrors.has(area)) {
      file.interruptWrite(bytes, position, random);
      throw new SystemError("EIO", "write");
    }
    takeRoom(file, { bytes, position }, { area, room });
    file.write(bytes, position);
  }

  sync(): Promise<void> {
    const { area, faults, run } = this.#around;
    return run({ takes: DURATIONS.sync, effect: () => syncFile(this.#file, area, faults) });
  }

  read(parts: readonly Uint8Array[], position: number): Promise<number> {
    const effect = (): number => {
      let done = 0;
      for (const part of parts) done += this.readSync(part, position + done);
      return done;
    };
    return this.#around.run({ takes: DURATIONS.read, bytes: bytesOf(parts), effect });
  }

  readSync(bytes: Uint8Array, position: number): number {
    const { area, faults } = this.#around;
    if (faults.readErrors.has(area)) throw new SystemError("EIO", "read");
    return this.#file.readInto(bytes, position);
  }

  close(): Promise<void> {
    return this.#around.run({ takes: DURATIONS.names, effect: () => {} });
  }
}
