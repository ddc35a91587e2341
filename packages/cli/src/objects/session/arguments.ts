/**
 * kubectl's manner of writing flags on top of commander: `-n=x` and `--watch=false` mean what they
 * mean there, and durations may have several units.
 */
import { type Command as Program, InvalidArgumentError, Option } from "commander";

/** Declares a switch that can also be given as `--name=true` or `--name=false`. */
export function addSwitch(
  program: Program,
  flags: string,
  description: string,
  initially = false,
): Program {
  const option = new Option(flags, description);
  const negated = (option.long ?? "").replace(/^--/, "--no-");
  program.addOption(option).addOption(new Option(negated, description).hideHelp());
  // Not as the option's default, which help would repeat behind every switch.
  return program.setOptionValueWithSource(option.attributeName(), initially, "default");
}

/**
 * The words as commander understands them. `optionals` are flags with an optional value, which
 * kubectl takes only behind `=`, and the value that a bare one stands for.
 */
export function kubectlArguments(
  args: readonly string[],
  optionals: Readonly<Record<string, string>> = {},
): string[] {
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  return [
    ...words.flatMap((word) => {
      const short = /^(-[A-Za-z])=([\s\S]*)$/.exec(word);
      if (short?.[2] === "true") return short[1] ?? word;
      if (short) return `${short[1]}${short[2]}`;
      const bare = optionals[word];
      if (bare !== undefined) return `${word}=${bare}`;
      const stated = /^--([a-z-]+)=(true|false)$/i.exec(word);
      if (!stated || `--${stated[1]}` in optionals) return word;
      if (stated[2] === "true") return `--${stated[1]}`;
      // What is negative by name (--no-headers) is off unless it is given.
      return stated[1]?.startsWith("no-") ? [] : `--no-${stated[1]}`;
    }),
    ...(end < 0 ? [] : args.slice(end)),
  ];
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** In milliseconds: Go's durations (`1h30m`, `500ms`, `-1s`), and `0`. */
export function goDurationMs(text: string): number {
  if (text === "0") return 0;
  const whole = /^([-+]?)((?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+)$/.exec(text);
  if (!whole) {
    throw new InvalidArgumentError("Expected a duration such as 500ms, 30s, 5m or 1h30m.");
  }
  let ms = 0;
  for (const [, amount, unit = ""] of (whole[2] ?? "").matchAll(/(\d+(?:\.\d+)?)([a-z]+)/g)) {
    ms += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return whole[1] === "-" ? -ms : ms;
}

/** For flags that may be given several times, and that take lists with commas. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(",").filter((one) => one !== "")];
}

/** As `wholeNumber`, with a sign. */
export function integer(text: string): number {
  const value = /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected a whole number.");
}
