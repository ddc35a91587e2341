/**
 * Structured logs: a constant sentence and fields, never formatted text.
 *
 * - `debug`: for one who follows the code; off by default.
 * - `info`: a change of state that an operator may want to know of (became leader, pod started).
 * - `warn`: something failed and is being retried or worked around.
 * - `error`: something failed and someone must look.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

export type LogValue = string | number | bigint | boolean | undefined | null;
export type LogFields = Readonly<Record<string, LogValue>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its lines. */
  with(fields: LogFields): Logger;
}

export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that hands records at or above `level` to `sink`. */
export function createLogger(level: LogLevel, sink: (record: LogRecord) => void): Logger {
  const least = LOG_LEVELS.indexOf(level);
  const make = (base: LogFields): Logger => {
    const at = (own: LogLevel) => {
      const enabled = LOG_LEVELS.indexOf(own) >= least;
      return (message: string, fields?: LogFields): void => {
        if (enabled) sink({ level: own, message, fields: fields ? { ...base, ...fields } : base });
      };
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => make({ ...base, ...fields }),
    };
  };
  return make({});
}

/** Drops everything: for tests that do not look at logs. */
export const silentLogger: Logger = createLogger("error", () => {});

/** The text of an unknown thrown value, for a log field. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
