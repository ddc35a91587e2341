/** What is left of a disk's room, and the errors of a disk that has none. */
import type { DiskArea, DiskFaults } from "./disk-faults.js";
import { SystemError } from "./system-error.js";

export class DiskRoom {
  readonly #faults: DiskFaults;
  readonly #usedBytes: () => number;

  constructor(faults: DiskFaults, usedBytes: () => number) {
    this.#faults = faults;
    this.#usedBytes = usedBytes;
  }

  /** How much of `wantedBytes` more finds room. */
  for(area: DiskArea, wantedBytes: number): number {
    if (wantedBytes <= 0) return wantedBytes;
    if (this.#faults.full.has(area)) return 0;
    const { quotaBytes } = this.#faults;
    if (quotaBytes === undefined) return wantedBytes;
    return Math.min(wantedBytes, Math.max(0, quotaBytes - this.#usedBytes()));
  }

  /** Throws ENOSPC. */
  take(area: DiskArea, wantedBytes: number): void {
    if (this.for(area, wantedBytes) < wantedBytes) throw new SystemError("ENOSPC", "write");
  }
}
