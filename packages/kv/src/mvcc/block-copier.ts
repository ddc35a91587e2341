import { type BlockArena, OpenBlock } from "./open-block.js";
import type { VersionBlock, VersionSource } from "./version-block.js";

/** Makes blocks of versions that are encoded already; in one go, since its arena is used by others. */
export class BlockCopier {
  readonly #arena: BlockArena;
  readonly #blocks: VersionBlock[] = [];
  #open: OpenBlock | undefined;

  constructor(arena: BlockArena) {
    this.#arena = arena;
  }

  add(source: VersionSource, position: number): void {
    const { length } = source.uncheckedAt(position);
    const revision = source.revisionAt(position);
    if (!this.#open?.hasRoom(revision.main, length)) {
      this.#close();
      this.#open = new OpenBlock(this.#arena, revision, length);
    }
    this.#open.appendFrom(source, position);
  }

  finish(): VersionBlock[] {
    this.#close();
    return this.#blocks;
  }

  #close(): void {
    if (this.#open) this.#blocks.push(this.#open.finish());
    this.#open = undefined;
  }
}
