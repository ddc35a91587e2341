/** Placeholder head, replaced below. */
export interface LeaseBounds {
  readonly ttlMs: number;
}
