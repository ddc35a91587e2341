/**
 * A running digest of a run, 64 bits wide and cheap enough for every event: two runs that differ in
 * anything that was put in differ in it, but for chance. It protects against mistakes of ours, not
 * against an adversary, so it is no cryptographic one.
 */
import { crc32c } from "@sagong/base";

const HIGH = 0x9e3779b1;
const LOW = 0x85ebca6b;
const FNV_PRIME = 0x01000193;
const FNV_START = 0x811c9dc5;

export class Digest {
  #a = 0x243f6a88;
  #b = 0x13198a2e | 0;
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);

  /** 32 bits of it. */
  word(value: number): void {
    this.#a = Math.imul(this.#a ^ value, HIGH);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul((this.#b + value) | 0, LOW) ^ (this.#a >>> 13);
  }

  /** Any number, to its last bit. */
  number(value: number): void {
    this.#float[0] = value;
    this.word(this.#words[0] ?? 0);
    this.word(this.#words[1] ?? 0);
  }

  bytes(bytes: Uint8Array): void {
    this.word(crc32c(bytes));
    this.word(bytes.length);
  }

  text(text: string): void {
    this.word(hashText(text));
    this.word(text.length);
  }

  /** Sixteen hexadecimal digits; more may still be put in. */
  value(): string {
    return hex(this.#a) + hex(this.#b);
  }
}

/** FNV-1a (Fowler, Noll, Vo) over UTF-16 code units, 32 bits. */
export function hashText(text: string): number {
  let hash = FNV_START;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
