/**
 * Memory that begins where a page of the system's does, which `O_DIRECT` asks of what it writes
 * (open(2)). Node allocates a buffer anywhere; a WebAssembly memory is mapped by itself, and its pages
 * are of 64 KiB (WebAssembly JavaScript Interface, "Memory"). Each takes some GiB of addresses, so there
 * are few: they are lent, one for a write, and used again.
 */

/** Of one that is lent. */
export const CHUNK_BYTES: number = 1024 * 1024;
/** A store has one for its log under way and one for its blocks. */
const CHUNKS_MAX = 16;
const WASM_PAGE_BYTES = 65_536;

/** Every engine has it; the types of the language alone do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

const idle: Uint8Array[] = [];
let chunks = 0;
let zeros: Uint8Array | undefined;

/** `CHUNK_BYTES` of any content; undefined where all are lent, or the process has no addresses left. */
export function lendChunk(): Uint8Array | undefined {
  const chunk = idle.pop();
  if (chunk || chunks === CHUNKS_MAX) return chunk;
  const made = newChunk();
  if (made) chunks++;
  return made;
}

/** What `lendChunk` lent: nobody may use it any more. */
export function giveBackChunk(chunk: Uint8Array): void {
  idle.push(chunk);
}

/** `CHUNK_BYTES` that nobody writes to: zeros that take no memory. Undefined where there are no addresses. */
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
