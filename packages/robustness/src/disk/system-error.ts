/** A failed call as the system reports it: its code is what real code looks at. */

/** What a disk answers here, with Linux's words. */
const TEXTS = {
  EEXIST: "file already exists",
  EIO: "i/o error",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
} as const;

export class SystemError extends Error {
  override readonly name: string = "SystemError";
  readonly code: keyof typeof TEXTS;

  constructor(code: keyof typeof TEXTS, call: string) {
    super(`${code}: ${TEXTS[code]}, ${call}`);
    this.code = code;
  }
}
