/** The query of a log request, and which lines of a CRI log it selects. Pure. */

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly sinceMs: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: "All" | "Stdout" | "Stderr";
}

export interface LogLine {
  readonly time: string;
  readonly stream: string;
  /** True: the line goes on in the next record. */
  readonly partial: boolean;
  readonly text: string;
}

/** Reads PodLogOptions from a URL query; a sentence where a value is none. */
export function parseLogQuery(
  parameters: URLSearchParams,
  nowMs: number,
): LogQuery | { readonly error: string } {
  const numbers: Record<string, number | undefined> = {};
  for (const name of ["tailLines", "sinceSeconds", "limitBytes"]) {
    const text = parameters.get(name);
    if (text === null) continue;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) {
      return { error: `${name}: Invalid value: "${text}": must be a whole number of at least 0` };
    }
    numbers[name] = value;
  }
  const sinceTime = parameters.get("sinceTime");
  if (sinceTime !== null && Number.isNaN(Date.parse(sinceTime))) {
    return { error: `sinceTime: Invalid value: "${sinceTime}": must be an RFC 3339 time` };
  }
  const stream = parameters.get("stream") ?? "All";
  if (stream !== "All" && stream !== "Stdout" && stream !== "Stderr") {
    return {
      error: `stream: Unsupported value: "${stream}": supported values: "All", "Stdout", "Stderr"`,
    };
  }
  const seconds = numbers["sinceSeconds"];
  return {
    follow: isTrue(parameters.get("follow")),
    previous: isTrue(parameters.get("previous")),
    timestamps: isTrue(parameters.get("timestamps")),
    tailLines: numbers["tailLines"],
    sinceMs:
      seconds !== undefined
        ? nowMs - seconds * 1000
        : sinceTime === null
          ? undefined
          : Date.parse(sinceTime),
    limitBytes: numbers["limitBytes"],
    stream,
  };
}

/** One record `<time> <stream> <F|P> <text>`; undefined where it is not whole. */
export function parseCriLine(record: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP]) (.*)$/s.exec(record);
  if (!match) return undefined;
  const [, time = "", stream = "", tag, text = ""] = match;
  return { time, stream, partial: tag === "P", text };
}

/** What a client gets for `line`; undefined where the query leaves it out. */
export function renderLine(line: LogLine, query: LogQuery): string | undefined {
  if (query.stream !== "All" && query.stream.toLowerCase() !== line.stream) return undefined;
  if (query.sinceMs !== undefined && Date.parse(line.time) < query.sinceMs) return undefined;
  const text = line.partial ? line.text : `${line.text}\n`;
  return query.timestamps ? `${line.time} ${text}` : text;
}

function isTrue(value: string | null): boolean {
  return value === "true" || value === "1";
}
