import { type Clock, createLogger, type Logger, type LogLevel, type LogValue } from "@sagong/base";

export interface StreamLoggerOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** Where lines go; standard error by default, since standard output is for results. */
  readonly write?: (line: string) => void;
}

/** One line a record: RFC 3339 time, level, sentence, `key=value` pairs with JSON quoting. */
export function streamLogger(options: StreamLoggerOptions): Logger {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  return createLogger(options.level, ({ level, message, fields }) => {
    const time = new Date(options.clock.wallMs()).toISOString();
    let line = `${time} ${level.toUpperCase().padEnd(5)} ${message}`;
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) line += ` ${key}=${text(value)}`;
    }
    write(`${line}\n`);
  });
}

function text(value: LogValue): string {
  if (typeof value !== "string") return String(value);
  return /^[\w./:@+,-]+$/.test(value) ? value : JSON.stringify(value);
}
