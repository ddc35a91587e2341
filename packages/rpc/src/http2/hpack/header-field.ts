/** One line of a header section, and what it counts for in HPACK's sizes. */

/**
 * How a field may be remembered (RFC 7541 §6.2, §7.1.3): `incremental` puts it into the dynamic
 * table, `without` does not, `never` also forbids every later hop to do so (passwords, tokens).
 */
export type HeaderIndexing = "incremental" | "without" | "never";

export interface HeaderField {
  /** Octets as characters U+0000 to U+00FF; lower case, by RFC 9113 §8.2. */
  readonly name: string;
  /** Octets as characters U+0000 to U+00FF. */
  readonly value: string;
  /** `without` where left out. A decoder sets it for fields that came as `never` only. */
  readonly indexing?: HeaderIndexing;
}

/** What every field costs beside its octets (RFC 7541 §4.1, RFC 9113 §6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;

export function fieldBytes({ name, value }: HeaderField): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}
