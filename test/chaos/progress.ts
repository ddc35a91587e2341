/** What a person sees while a run goes on: a line for each fault, on a terminal also the present one. */

export interface Progress {
  /** Stays. */
  line(text: string): void;
  /** What happens now; the next line or status takes its place. */
  status(text: string): void;
}

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = "\r\x1b[K";

/** Elsewhere than on a terminal there are lines only. `nowMs`: since the run began. */
export function streamProgress(stream: ProgressStream, nowMs: () => number): Progress {
  const timed = (text: string): string => `${(nowMs() / 1000).toFixed(1).padStart(7)} s  ${text}`;
  const clear = stream.isTTY === true ? CLEAR_LINE : "";
  return {
    line: (text) => void stream.write(`${clear}${timed(text)}\n`),
    status: (text) => {
      if (stream.isTTY !== true) return;
      // A line that wraps could not be taken back. Some terminals say that they have no columns.
      const { columns = 0 } = stream;
      const width = (columns > 0 ? columns : DEFAULT_COLUMNS) - 1;
      stream.write(clear + timed(text).slice(0, width));
    },
  };
}
