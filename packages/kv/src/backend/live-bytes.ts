import type { BlockReference } from "./block-reference.js";

/** How much of each block file is referred to, by LevelDB or by what waits to be written to it. */
export class LiveBytes {
  readonly #bytes = new Map<number, number>();

  keep({ file, length }: BlockReference): void {
    this.#bytes.set(file, this.of(file) + length);
  }

  drop({ file, length }: BlockReference): void {
    this.#bytes.set(file, this.of(file) - length);
  }

  of(file: number): number {
    return this.#bytes.get(file) ?? 0;
  }
}
