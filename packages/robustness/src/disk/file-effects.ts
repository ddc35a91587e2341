/** What the system does to a simulated file, with what is wrong with the disk at present. */
import type { DiskArea, DiskFaults } from "./disk-faults.js";
import type { DiskRoom } from "./disk-room.js";
import type { SimulatedFile } from "./simulated-file.js";
import { SystemError } from "./system-error.js";

/** Throws `SystemError` where the disk fails it. */
export function syncFile(file: SimulatedFile, area: DiskArea, faults: DiskFaults): void {
  if (faults.syncErrors.has(area)) {
    file.failSync();
    if (faults.failsSyncsOnce) faults.syncErrors.delete(area);
    throw new SystemError("EIO", "fsync");
  }
  if (!faults.lyingSyncs.has(area)) file.sync();
}

/**
 * The system takes of a write what it has room for, and refuses the rest when it is asked again: throws
 * `SystemError` then.
 */
export function takeRoom(
  file: SimulatedFile,
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number },
  { area, room }: { readonly area: DiskArea; readonly room: DiskRoom },
): void {
  const more = position + bytes.length - file.sizeBytes;
  const short = more - room.for(area, more);
  if (short <= 0) return;
  file.write(bytes.subarray(0, bytes.length - short), position);
  throw new SystemError("ENOSPC", "write");
}
