/** Base64 (RFC 4648 §4) without Node's Buffer. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    text += ALPHABET.charAt(bits >> 18) + ALPHABET.charAt((bits >> 12) & 63);
    text += b === undefined ? "=" : ALPHABET.charAt((bits >> 6) & 63);
    text += c === undefined ? "=" : ALPHABET.charAt(bits & 63);
  }
  return text;
}

/** As Go's decoder takes it: line breaks anywhere, padding at the end and nowhere else. */
export function isBase64(text: string): boolean {
  // In steps that each look at a character once: one expression for all of it would backtrack.
  const bare = text.replaceAll(/[\r\n]/g, "");
  if (bare.length % 4 !== 0 || /[^A-Za-z0-9+/=]/.test(bare)) return false;
  const padding = bare.indexOf("=");
  return padding < 0 || (padding >= bare.length - 2 && !/[^=]/.test(bare.slice(padding)));
}

/** How many bytes a text that `isBase64()` takes stands for. */
export function base64ByteLength(text: string): number {
  return Math.floor((text.replaceAll(/[\r\n=]/g, "").length * 3) / 4);
}

/** The bytes of a text that `isBase64()` takes. */
export function decodeBase64(text: string): Uint8Array {
  const bare = text.replaceAll(/[\r\n=]/g, "");
  const bytes = new Uint8Array(base64ByteLength(bare));
  let bits = 0;
  let length = 0;
  for (let i = 0; i < bare.length; i++) {
    bits = ((bits << 6) | ALPHABET.indexOf(bare.charAt(i))) & 0xffffff;
    // Each character from the second on completes a byte, but for every fourth's successor.
    const spare = (6 * (i + 1)) % 8;
    if (spare < 6) bytes[length++] = (bits >> spare) & 0xff;
  }
  return bytes;
}
