/**
 * A simulated disk as one process sees it: the member's `MemberDisk`. Above it stands real code,
 * `FileLogStorage` on `LogFiles` and `LevelBackend` on `Databases`; only the identity record, which
 * is written once, is written here as the real disk does it.
 */
import { decodeUtf8, encodeUtf8, type Random } from "@sagong/base";
import {
  type BlockFileLimits,
  type Databases,
  DataDirError,
  LevelBackend,
  type MediumOptions,
  type MemberDisk,
  type StateMedium,
} from "@sagong/kv/parts";
import type { DiskFaults } from "./disk-faults.js";
import { type DiskCall, DURATIONS } from "./disk-operations.js";
import type { DiskRoom } from "./disk-room.js";
import type { FolderNames } from "./folder-names.js";
import { SimulatedDatabase } from "./simulated-database.js";
import { type MemberItem, SimulatedDatabases } from "./simulated-databases.js";
import { SimulatedFile } from "./simulated-file.js";
import { SimulatedLogFiles } from "./simulated-log-files.js";
import { SystemError } from "./system-error.js";

/** The database's name in the member's folder. */
export const STORE = "store";
const IDENTITY = "identity.json";

export interface Mount {
  /** The member's, for messages. */
  readonly name: string;
  readonly databaseBufferBytes: number | undefined;
  readonly blockFiles: BlockFileLimits | undefined;
  readonly faults: DiskFaults;
  readonly room: DiskRoom;
  readonly random: Random;
  readonly member: FolderNames<MemberItem>;
  readonly log: FolderNames<SimulatedFile>;
  readonly noteWrite: (how: "done" | "failed") => void;
  readonly takeMisdirection: () => boolean;
  readonly run: <T>(call: DiskCall<T>) => Promise<T>;
}

export class MountedDisk implements MemberDisk {
  readonly root: string;
  readonly identityFile: string;
  readonly logFiles: SimulatedLogFiles;
  readonly databases: Databases;
  readonly #mount: Mount;

  constructor(mount: Mount) {
    this.#mount = mount;
    this.root = `/${mount.name}`;
    this.identityFile = `${this.root}/member/${IDENTITY}`;
    this.logFiles = new SimulatedLogFiles({
      ...mount,
      names: mount.log,
      dir: `${this.root}/member/log`,
    });
    this.databases = new SimulatedDatabases({ ...mount, names: mount.member });
  }

  async prepare(): Promise<void> {
    const { member, run } = this.#mount;
    await run({
      takes: DURATIONS.names,
      effect: () => {
        if (member.get(STORE) === undefined) member.add(STORE, new SimulatedDatabase());
      },
    });
    await this.databases.syncNames(STORE);
  }

  async openMedium({ clock, onError }: MediumOptions): Promise<StateMedium> {
    const { databaseBufferBytes: bytes, blockFiles } = this.#mount;
    return await LevelBackend.open({
      dir: STORE,
      databases: this.databases,
      clock,
      onError,
      ...(bytes === undefined ? {} : { bufferedBytesMax: bytes }),
      ...(blockFiles && { blockFiles }),
    });
  }

  readIdentity(): Promise<string | undefined> {
    const { member, faults, run } = this.#mount;
    const effect = (): string | undefined => {
      const item = member.get(IDENTITY);
      if (!(item instanceof SimulatedFile)) return undefined;
      if (faults.readErrors.has("database")) {
        const cause = new SystemError("EIO", "read");
        throw new DataDirError(`Cannot read ${this.identityFile}`, { cause });
      }
      return decodeUtf8(item.read());
    };
    return run({ takes: DURATIONS.read, effect });
  }

  /** As the real one: a file of its own, synced, that takes the name; and the folder synced. */
  async writeIdentity(text: string): Promise<void> {
    const { member, faults, room, run } = this.#mount;
    const temporary = `${IDENTITY}.tmp`;
    const file = new SimulatedFile();
    const bytes = encodeUtf8(text);
    await run({
      takes: DURATIONS.cachedWrite,
      effect: () => {
        if (faults.writeErrors.has("database")) throw new SystemError("EIO", "write");
        room.take("database", bytes.length);
        member.add(temporary, file);
        file.write(bytes, 0);
      },
    });
    await run({
      takes: DURATIONS.sync,
      effect: () => {
        if (faults.syncErrors.has("database")) throw new SystemError("EIO", "fsync");
        if (!faults.lyingSyncs.has("database")) file.sync();
      },
    });
    await run({ takes: DURATIONS.names, effect: () => member.rename(temporary, IDENTITY) });
    await this.databases.syncNames(STORE);
  }
}
