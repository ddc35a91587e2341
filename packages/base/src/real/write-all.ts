import { writev } from "node:fs";
import { bytesOf } from "../bytes.js";

/**
 * Writes the parts one behind the other, all of them, or rejects. The callback's interface costs half
 * of what a file handle's own does; `fd` must stay open until the end.
 */
export async function writeAll(
  fd: number,
  parts: readonly Uint8Array[],
  at: number,
): Promise<void> {
  let rest = parts;
  for (let position = at; ;) {
    const written = await new Promise<number>((resolve, reject) => {
      writev(fd, rest, position, (error, bytes) => {
        if (error) reject(error);
        else resolve(bytes);
      });
    });
    if (written === bytesOf(rest)) return;
    // A disk that is almost full takes less; the next try says so.
    position += written;
    rest = behind(rest, written);
  }
}

function behind(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  return parts.flatMap((part) => {
    const from = Math.min(skip, part.length);
    skip -= from;
    return from === part.length ? [] : [part.subarray(from)];
  });
}
