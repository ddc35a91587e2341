/**
 * Byte-string arithmetic without Node's Buffer, so that pure code can use it: order, prefixes,
 * hexadecimal, UTF-8. Order is that of unsigned bytes, as etcd's keys have it.
 */

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

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
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
      const end = prefix.slice(0, i + 1);
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

/** UTF-8 of `text`; a lone surrogate becomes U+FFFD, as in the WHATWG encoder. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[length++] = code;
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = code <= 0xdbff ? text.charCodeAt(i + 1) : Number.NaN;
      if (next >= 0xdc00 && next <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        i++;
      } else {
        code = 0xfffd;
      }
    }
    if (code < 0x800) {
      bytes[length++] = 0xc0 | (code >> 6);
    } else if (code < 0x10000) {
      bytes[length++] = 0xe0 | (code >> 12);
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (code >> 18);
      bytes[length++] = 0x80 | ((code >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[length++] = 0x80 | (code & 0x3f);
  }
  return bytes.slice(0, length);
}

/** Length in bytes, and whether the sequence at `offset` is well-formed UTF-8 (RFC 3629 table). */
function sequenceAt(bytes: Uint8Array, offset: number): { length: number; code: number } {
  const lead = bytes[offset] as number; // In range: the caller loops below the length.
  if (lead < 0x80) return { length: 1, code: lead };
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const least = size === 4 ? 0x10000 : size === 3 ? 0x800 : 0x80;
  if (lead < 0xc2 || lead > 0xf4) return { length: 1, code: 0xfffd };
  let code = lead & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return { length: i, code: 0xfffd };
    code = (code << 6) | (byte & 0x3f);
  }
  const wellFormed = code >= least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return { length: size, code: wellFormed ? code : 0xfffd };
}

/** Text of UTF-8 `bytes`; ill-formed sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const { length, code } = sequenceAt(bytes, i);
    text += String.fromCodePoint(code);
    i += length;
  }
  return text;
}
