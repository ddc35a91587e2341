/**
 * Kubernetes' quantities (`500m`, `2Gi`, `1e3`): exact, as a whole number of nano-units. Only what
 * comparing, adding and refusing need; objects keep the text that they were given.
 */

const SUFFIXES: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  "": 1_000_000_000n,
  k: 10n ** 12n,
  M: 10n ** 15n,
  G: 10n ** 18n,
  T: 10n ** 21n,
  P: 10n ** 24n,
  E: 10n ** 27n,
  Ki: (10n ** 9n) << 10n,
  Mi: (10n ** 9n) << 20n,
  Gi: (10n ** 9n) << 30n,
  Ti: (10n ** 9n) << 40n,
  Pi: (10n ** 9n) << 50n,
  Ei: (10n ** 9n) << 60n,
};

const FORM = /^([+-]?)(\d+)?(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?$/;
export const QUANTITY_ERROR =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** In nano-units, rounded up; undefined where `text` is no quantity. */
export function parseQuantity(text: string): bigint | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, sign, whole, fraction = "", suffix = "", exponent] = match;
  if (whole === undefined && fraction === "") return undefined;
  const digits = BigInt(`${whole ?? ""}${fraction}`);
  let scaled = digits * (SUFFIXES[suffix] ?? 0n);
  let down = fraction.length;
  if (exponent !== undefined) {
    const power = Number(exponent);
    if (power >= 0) scaled *= 10n ** BigInt(power);
    else down += -power;
  }
  const divisor = 10n ** BigInt(down);
  const value = (scaled + divisor - 1n) / divisor;
  return sign === "-" ? -value : value;
}

/** In thousandths, as CPU is counted; 0 where `text` is absent or no quantity. */
export function milliOf(text: string | undefined): number {
  return Number(((text === undefined ? undefined : parseQuantity(text)) ?? 0n) / 1_000_000n);
}

/** In whole units (bytes, pods), rounded up; 0 where `text` is absent or no quantity. */
export function unitsOf(text: string | undefined): number {
  const nano = (text === undefined ? undefined : parseQuantity(text)) ?? 0n;
  return Number((nano + 999_999_999n) / 1_000_000_000n);
}
