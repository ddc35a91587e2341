/**
 * Blocks of versions, one behind the other in files beside LevelDB's own: LevelDB has a reference for
 * each. Without them each block would go through LevelDB's log, its memory and table after table.
 *
 *     append ─▶ current file ──(64 MiB)──▶ ended ──(nothing refers to it)──▶ removed
 *
 * F1 what was appended stays as it is: no place of a file is written twice. So each process begins a
 *    file of its own, and what a crash left behind the last reference to an older one is never read.
 * F2 a file's name is on disk before anything refers to it. That of a removed one may come back with a
 *    power loss: nothing refers to it, and it is removed again.
 * F3 nothing goes while an image or a copy reads it (`pin`).
 */
import { BackendError } from "./backend-error.js";
import type { BlockReference } from "./block-reference.js";
import type { DatabaseFile, DatabaseFiles } from "./databases.js";
import type { LiveBytes } from "./live-bytes.js";

/** What one read of neighbours fetches at most, unless one block takes more. */
export const READ_BYTES_MAX: number = 1024 * 1024;
/** The system takes no more parts in one call (IOV_MAX). */
const READ_PARTS_MAX = 1_024;
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const NAME = /^\d{16}\.blocks$/;

interface OpenFile {
  readonly number: number;
  readonly file: DatabaseFile;
  /** Behind the last block. */
  sizeBytes: number;
  pins: number;
}

export class BlockFiles {
  readonly #folder: DatabaseFiles;
  readonly #fileBytesMax: number;
  readonly #files = new Map<number, OpenFile>();
  #lastNumber = 0;
  #current: OpenFile | undefined;
  readonly #unsynced = new Set<OpenFile>();
  #hasUnsyncedNames = false;
  /** In files, and not on disk for sure. */
  unsyncedBytes = 0;

  private constructor(folder: DatabaseFiles, fileBytesMax: number) {
    this.#folder = folder;
    this.#fileBytesMax = fileBytesMax;
  }

  static async open(
    folder: DatabaseFiles,
    fileBytesMax: number = FILE_BYTES_MAX,
  ): Promise<BlockFiles> {
    const files = new BlockFiles(folder, fileBytesMax);
    try {
      for (const name of await folder.list()) {
        if (NAME.test(name)) files.#add(Number.parseInt(name, 10), await folder.open(name));
      }
    } catch (error) {
      await files.close();
      throw error;
    }
    return files;
  }

  #add(number: number, file: DatabaseFile): OpenFile {
    const one = { number, file, sizeBytes: file.sizeBytes, pins: 0 };
    this.#files.set(number, one);
    this.#lastNumber = Math.max(this.#lastNumber, number);
    return one;
  }

  get count(): number {
    return this.#files.size;
  }

  get sizeBytes(): number {
    let bytes = 0;
    for (const { sizeBytes } of this.#files.values()) bytes += sizeBytes;
    return bytes;
  }

  // ── Writing: one call at a time ──────────────────────────────────────────────────────────────

  /** Answers where they lie, in the same order. On disk after the next `sync`. */
  async append(blocks: readonly Uint8Array[]): Promise<readonly BlockReference[]> {
    const references: BlockReference[] = [];
    while (references.length < blocks.length) {
      const into = await this.#writable();
      const from = references.length;
      let end = into.sizeBytes;
      for (const { length } of blocks.slice(from)) {
        if (end >= this.#fileBytesMax) break;
        references.push({ file: into.number, offset: end, length });
        end += length;
      }
      this.#unsynced.add(into);
      await into.file.write(blocks.slice(from, references.length), into.sizeBytes);
      this.unsyncedBytes += end - into.sizeBytes;
      into.sizeBytes = end;
    }
    return references;
  }

  async #writable(): Promise<OpenFile> {
    if (this.#current && this.#current.sizeBytes < this.#fileBytesMax) return this.#current;
    const number = this.#lastNumber + 1;
    this.#hasUnsyncedNames = true;
    this.#current = this.#add(number, await this.#folder.create(nameOf(number)));
    return this.#current;
  }

  /** All that was appended, and the names of the files, are on disk when this resolves. */
  async sync(): Promise<void> {
    for (const { file } of this.#unsynced) await file.sync();
    this.#unsynced.clear();
    this.unsyncedBytes = 0;
    if (this.#hasUnsyncedNames) await this.#folder.syncNames();
    this.#hasUnsyncedNames = false;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────

  /** Throws `BackendError` where the block is not there. */
  readSync(reference: BlockReference): Uint8Array {
    const { file } = this.#fileOf(reference);
    const bytes = new Uint8Array(reference.length);
    expectBytes(file.readSync(bytes, reference.offset), [reference]);
    return bytes;
  }

  /** The blocks, in the same order; neighbours in one read. Rejects as `readSync` throws. */
  async read(references: readonly BlockReference[]): Promise<Uint8Array[]> {
    const runs: Promise<Uint8Array[]>[] = [];
    for (let from = 0, to = 0; from < references.length; from = to) {
      to = endOfRun(references, from);
      runs.push(this.#readRun(references.slice(from, to)));
    }
    return (await Promise.all(runs)).flat();
  }

  async #readRun(run: readonly BlockReference[]): Promise<Uint8Array[]> {
    for (const reference of run) this.#fileOf(reference);
    const [first] = run as [BlockReference]; // A run has at least one.
    const parts = run.map(({ length }) => new Uint8Array(length));
    expectBytes(await this.#fileOf(first).file.read(parts, first.offset), run);
    return parts;
  }

  #fileOf({ file, offset, length }: BlockReference): OpenFile {
    const found = this.#files.get(file);
    const expected = `expected a block of ${length} bytes at offset ${offset}`;
    if (!found) throw new BackendError(`block file ${nameOf(file)} is missing, ${expected}`);
    if (offset + length > found.sizeBytes) {
      throw new BackendError(
        `block file ${nameOf(file)} ends at ${found.sizeBytes}, ${expected} of it`,
      );
    }
    return found;
  }

  // ── Space ────────────────────────────────────────────────────────────────────────────────────

  /** From now on all files of this moment stay, until what is returned is called. */
  pin(): () => void {
    const pinned = [...this.#files.values()];
    for (const one of pinned) one.pins++;
    return () => {
      for (const one of pinned) one.pins--;
    };
  }

  /**
   * Those that are worth a copy of what lives in them: of which more than half is dead, or which a
   * process before us left almost empty. The current one is ended where it is mostly dead.
   */
  sparse(live: LiveBytes): ReadonlySet<number> {
    const current = this.#current;
    if (current && 2 * live.of(current.number) < current.sizeBytes) this.#current = undefined;
    const sparse = new Set<number>();
    for (const one of this.#files.values()) {
      const bytes = live.of(one.number);
      const fullBytes = Math.max(one.sizeBytes, this.#fileBytesMax);
      if (one !== this.#current && bytes > 0 && 2 * bytes < fullBytes) sparse.add(one.number);
    }
    return sparse;
  }

  /** Removes those to which nothing refers. What referred to them must be gone from the disk. */
  async removeDead(live: LiveBytes): Promise<void> {
    for (const one of this.#files.values()) {
      if (one === this.#current || one.pins > 0 || live.of(one.number) > 0) continue;
      this.#files.delete(one.number);
      this.#unsynced.delete(one);
      await one.file.close();
      await this.#folder.remove(nameOf(one.number));
    }
  }

  async close(): Promise<void> {
    for (const { file } of this.#files.values()) await file.close();
    this.#files.clear();
  }
}

function nameOf(number: number): string {
  return `${String(number).padStart(16, "0")}.blocks`;
}

/** Behind the last of those that lie one behind the other, as far as one read goes. */
function endOfRun(references: readonly BlockReference[], from: number): number {
  const first = references[from] as BlockReference; // In range: callers go by the length.
  let end = first.offset + first.length;
  for (let to = from + 1; ; to++) {
    const next = references[to];
    const isNeighbour = next?.file === first.file && next.offset === end;
    if (!next || !isNeighbour || to - from === READ_PARTS_MAX) return to;
    if (end + next.length - first.offset > READ_BYTES_MAX) return to;
    end += next.length;
  }
}

/** The size was looked at: a file that has become shorter since then is another's doing. */
function expectBytes(count: number, run: readonly BlockReference[]): void {
  let expected = 0;
  for (const { length } of run) expected += length;
  if (count === expected) return;
  const [{ file, offset }] = run as [BlockReference]; // A run has at least one.
  throw new BackendError(
    `block file ${nameOf(file)} has ${count} bytes at offset ${offset}, expected ${expected}`,
  );
}
