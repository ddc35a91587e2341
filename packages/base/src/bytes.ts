/**
 * Byte-string arithmetic without Node's Buffer, so that pure code can use it: order, prefixes,
 * hexadecimal, UTF-8. Order is that of unsigned bytes, as etcd's keys have it.
 */

// Browsers and Node have them; the types of either would bring the rest of it along.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const ENCODER = new TextEncoder();
// Ignored is what the mark means: it stays in the text.
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    // In range: i is below both lengths.
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

export function startsWithBytes(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && equalBytes(bytes.subarray(0, prefix.length), prefix);
}

/** Of all parts together. */
export function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const length = bytesOf(parts);
  const result = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/**
 * The least key after every key that starts with `prefix`: etcd's range_end of a prefix range.
 * An empty or all-0xff prefix has no such key; then it is `"\0"`, etcd's "to the end".
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number; // In range by the loop.
    if (byte < 0xff) {
      const end = new Uint8Array(prefix.subarray(0, i + 1)); // A Buffer's slice() is no copy.
      end[i] = byte + 1;
      return end;
    }
  }
  return new Uint8Array(1);
}

const HEX_DIGITS = "0123456789abcdef";

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_DIGITS.charAt(byte >> 4) + HEX_DIGITS.charAt(byte & 15);
  return text;
}

/** Parses pairs of hexadecimal digits; undefined where `text` is anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** UTF-8 of `text`; a lone surrogate becomes U+FFFD (WHATWG Encoding, "TextEncoder"). */
export function encodeUtf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** Text of UTF-8 `bytes`, a byte order mark included; ill-formed sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}
