/**
 * JSON as Go's encoding/json writes it: bytes in base64, 64-bit numbers as digits, `<`, `>` and `&`
 * escaped. Fields that Go omits when they are empty are wrapped in `omitEmpty` by the caller.
 */
export type GoJson =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly GoJson[]
  | { readonly [name: string]: GoJson };

/** In one line, fields in the order in which they were set; undefined fields are left out. */
export function goJson(value: GoJson): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return goJsonString(value);
  if (typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("base64")}"`;
  if (isList(value)) return `[${value.map(goJson).join(",")}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `"${name}":${goJson(field)}`).join(",")}}`;
}

/** Array.isArray does not narrow read-only arrays. */
function isList(value: GoJson): value is readonly GoJson[] {
  return Array.isArray(value);
}

function goJsonString(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Undefined for what Go's `omitempty` leaves out: false, zeros, and what has no elements. */
export function omitEmpty(value: GoJson): GoJson {
  if (value === 0 || value === 0n || value === false || value === "") return undefined;
  if (value instanceof Uint8Array && value.length === 0) return undefined;
  if (Array.isArray(value) && value.length === 0) return undefined;
  return value;
}
