/**
 * Memory that begins where a page of the system's does, which `O_DIRECT` asks of what it writes
 * (open(2)). Node allocates a buffer anywhere; a WebAssembly memory is mapped by itself, and its pages
 * are of 64 KiB (WebAssembly JavaScript Interface, "Memory"). Each takes some GiB of addresses, so they
 * are lent, one for a write, and used again.
 */

/** Of one that is lent. */
export const CHUNK_BYTES: number = 1024 * 1024;
/** Kept for the next: more writes than threads are never under way. */
const IDLE_MAX = 4;
const WASM_PAGE_BYTES = 65_536;

/** Every engine has it; the types of the language alone do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

const idle: Uint8Array[] = [];
let zeros: Uint8Array | undefined;

/** `CHUNK_BYTES` of any content; undefined where the process has no addresses left. */
export function lendChunk(): Uint8Array | undefined {
  return idle.pop() ?? newChunk();
}

/** What `lendChunk` lent: nobody may use it any more. */
export function giveBackChunk(chunk: Uint8Array): void {
  if (idle.length < IDLE_MAX) idle.push(chunk);
}

/** `CHUNK_BYTES` that nobody writes to: zeros that take no memory. Undefined as `lendChunk`. */
export function alignedZeros(): Uint8Array | undefined {
  zeros ??= newChunk();
  return zeros;
}

function newChunk(): Uint8Array | undefined {
  const pages = CHUNK_BYTES / WASM_PAGE_BYTES;
  try {
    return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
