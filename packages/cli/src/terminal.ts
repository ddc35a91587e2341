/**
 * The world as a command sees it: a command is `(args, io) => exit code` and touches neither
 * `process` nor the console, so that tests can run it and read what it said.
 */
export interface Io {
  /** Results. */
  readonly out: (text: string) => void;
  /** The same for bytes that need not be text; where it is left out, they are shown as text. */
  readonly outBytes?: (bytes: Uint8Array) => void;
  /** Errors, progress and logs. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Whether `out` is a terminal: only then colour and redrawn lines are used. */
  readonly isTerminal: boolean;
  /** Width of the terminal in columns; undefined where there is none. */
  readonly columns: number | undefined;
  /** Aborted by SIGINT and SIGTERM: long-running commands then stop in order and return. */
  readonly signal: AbortSignal;
}

/** `args` are the words after the command's own name. */
export type Command = (args: readonly string[], io: Io) => Promise<number>;

/** Exit codes, as Unix tools have them: 2 is for a command line that cannot be understood. */
export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
