/**
 * The names in a folder, as the kernel has them and as a power loss would leave them: a name that was
 * made, moved or removed is only safe once the folder was synced, and until then each such change may
 * be lost while another is there (POSIX promises no order; btrfs keeps none).
 */
import { type Random, randomBelow } from "@sagong/base";

type NameChange<T> =
  | { readonly kind: "add"; readonly name: string; readonly item: T }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly item: T };

export class FolderNames<T> {
  #names = new Map<string, T>();
  #disk = new Map<string, T>();
  #unsynced: NameChange<T>[] = [];

  get(name: string): T | undefined {
    return this.#names.get(name);
  }

  list(): readonly string[] {
    return [...this.#names.keys()];
  }

  items(): Iterable<readonly [string, T]> {
    return this.#names;
  }

  /** Also those that only a power loss brings back, or takes away. */
  *known(): Generator<T> {
    const items = new Set([...this.#names.values(), ...this.#disk.values()]);
    for (const change of this.#unsynced) if (change.kind !== "remove") items.add(change.item);
    yield* items;
  }

  get unsyncedChanges(): number {
    return this.#unsynced.length;
  }

  add(name: string, item: T): void {
    this.#change({ kind: "add", name, item });
  }

  remove(name: string): void {
    if (this.#names.has(name)) this.#change({ kind: "remove", name });
  }

  /** Takes the place of what has that name. False where there is nothing to rename. */
  rename(from: string, to: string): boolean {
    const item = this.#names.get(from);
    if (item === undefined) return false;
    this.#change({ kind: "rename", from, to, item });
    return true;
  }

  sync(): void {
    this.#unsynced = [];
    this.#disk = new Map(this.#names);
  }

  losePower(random: Random): void {
    for (const change of this.#unsynced) {
      if (randomBelow(random, 2) === 0) applyName(this.#disk, change);
    }
    this.#unsynced = [];
    this.#names = new Map(this.#disk);
  }

  clear(): void {
    this.#names.clear();
    this.sync();
  }

  #change(change: NameChange<T>): void {
    applyName(this.#names, change);
    this.#unsynced.push(change);
  }
}

function applyName<T>(names: Map<string, T>, change: NameChange<T>): void {
  switch (change.kind) {
    case "add":
      names.set(change.name, change.item);
      return;
    case "remove":
      names.delete(change.name);
      return;
    case "rename":
      names.delete(change.from);
      names.set(change.to, change.item);
  }
}
