import { BlockArena, OpenBlock } from "./open-block.js";
import type { VersionBlock, VersionSource } from "./version-block.js";

/** Makes blocks of versions that are encoded already. */
export class BlockCopier {
  readonly #arena = new BlockArena();
  readonly #blocks: VersionBlock[] = [];
  #open: OpenBlock | undefined;

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
