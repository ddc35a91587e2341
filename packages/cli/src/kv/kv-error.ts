/** Exit codes are etcdctl's, so that scripts written for it can tell the same cases apart. */
export const KV_EXIT = {
  ok: 0,
  /** The store refused or could not be reached, or a flag is unknown. */
  failure: 1,
  /** A lease could not be renewed. */
  badConnection: 2,
  /** What was read from standard input cannot be understood. */
  invalidInput: 3,
  /** A flag is known, its value is not supported. */
  unsupported: 4,
  /** Ended before it was done: by a signal, or a watch by the server. */
  interrupted: 5,
  /** Arguments are missing, too many or malformed. */
  badArguments: 128,
} as const;

export type KvExit = (typeof KV_EXIT)[keyof typeof KV_EXIT];

/** Ends a command: `message` is the one sentence that is printed after `Error: `. */
export class KvError extends Error {
  override readonly name: string = "KvError";
  readonly exitCode: KvExit;
  /** False where everything was said already. */
  readonly isPrinted: boolean;

  constructor(
    exitCode: KvExit,
    message: string,
    { isPrinted = true }: { readonly isPrinted?: boolean } = {},
  ) {
    super(message);
    this.exitCode = exitCode;
    this.isPrinted = isPrinted;
  }
}
