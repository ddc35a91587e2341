/** Whole numbers as etcdctl reads and refuses them (Go's `strconv.ParseInt`). */
import { KV_EXIT, KvError } from "../kv-error.js";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export type ParsedInteger =
  | { readonly kind: "value"; readonly value: bigint }
  | { readonly kind: "error"; readonly error: string };

/** A signed 64-bit number of the given base, or why it is none, in Go's words. */
export function parseInt64(text: string, base: 10 | 16): ParsedInteger {
  const digits = base === 16 ? /^([+-]?)([\da-f]+)$/i : /^([+-]?)(\d+)$/;
  const [, sign = "", magnitude = ""] = digits.exec(text) ?? [];
  const refuse = (why: string): ParsedInteger => ({
    kind: "error",
    error: `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`,
  });
  if (magnitude === "") return refuse("invalid syntax");
  const absolute = BigInt(base === 16 ? `0x${magnitude}` : magnitude);
  const value = sign === "-" ? -absolute : absolute;
  if (value < INT64_MIN || value > INT64_MAX) return refuse("value out of range");
  return { kind: "value", value };
}

/** The same as a number; beyond 2^53, where no revision or limit can be, it is out of range. */
export function parseSafeInteger(
  text: string,
): { readonly kind: "value"; readonly value: number } | (ParsedInteger & { kind: "error" }) {
  const parsed = parseInt64(text, 10);
  if (parsed.kind === "error") return parsed;
  const value = Number(parsed.value);
  if (Number.isSafeInteger(value)) return { kind: "value", value };
  const error = `strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`;
  return { kind: "error", error };
}

/** The value of the flag `--name`. */
export function integerFlag(name: string, text: string): number {
  const parsed = parseSafeInteger(text);
  if (parsed.kind === "value") return parsed.value;
  throw new KvError(
    KV_EXIT.failure,
    `invalid argument ${JSON.stringify(text)} for "--${name}" flag: ${parsed.error}`,
  );
}

/** A lease's id, which is written in hexadecimal everywhere; `what` names it in the refusal. */
export function leaseId(text: string, what: string): bigint {
  const parsed = parseInt64(text, 16);
  if (parsed.kind === "value") return parsed.value;
  throw new KvError(KV_EXIT.badArguments, `bad ${what} (${parsed.error}), expecting ID in Hex`);
}

/** 64 bits as the 16 hexadecimal digits that etcdctl prints for leases. */
export function hexId(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, "0");
}
