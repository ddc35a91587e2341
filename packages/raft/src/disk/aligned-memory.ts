/**
 * Memory that begins where a page of the system's does, which `O_DIRECT` asks of what it writes
 * (open(2)). Node allocates a buffer anywhere; a WebAssembly memory is mapped by itself, and its pages
 * are of 64 KiB (WebAssembly JavaScript Interface, "Memory").
 */

const WASM_PAGE_BYTES = 65_536;

/** Every engine has it; the types of the language alone do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

/**
 * At least so many bytes, all zero; those that are never touched take no memory. Throws `RangeError`
 * where the engine has no room for another: each takes some GiB of addresses, so it pays to lend one
 * out again.
 */
export function alignedMemory(bytes: number): Uint8Array {
  const pages = Math.ceil(bytes / WASM_PAGE_BYTES);
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
}
