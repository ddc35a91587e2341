/**
 * Always-on assertions for programmer errors: a failed one stops the member rather than let it go
 * on with a broken invariant. Expected refusals are typed errors of the package that refuses.
 */
export class AssertionError extends Error {
  override readonly name: string = "AssertionError";
}

/**
 * Throws `AssertionError` unless `condition` holds; `message` is a sentence with the numbers. It is
 * made whether or not it is needed: what runs for every entry or message throws by itself.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends an exhaustive `switch`: the compiler proves that no case is left. */
export function unreachable(value: never, what = "value"): never {
  throw new AssertionError(`Unexpected ${what}: ${JSON.stringify(value)}`);
}

/** Returns `value`, which an invariant named by `message` says is present. */
export function defined<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionError(message);
  return value;
}
