/**
 * Opens databases, and puts that of an image in the place of another: it is written beside it, and
 * takes its name when all of it is on disk. A crash at any point leaves the old or the new one whole.
 *
 *     <dir>.new ──(whole, synced)──▶ <dir>.ready ──(<dir> is removed)──▶ <dir>
 */
import type { ImageSteps } from "../member/state-medium.js";
import { BackendError } from "./backend-error.js";
import { BlockFiles } from "./block-files.js";
import { type BlockCensus, DatabaseFolder, type DatabasePlace } from "./database-folder.js";
import type { Database } from "./databases.js";
import { decodeImage } from "./image-format.js";

export interface FolderPlace extends DatabasePlace {
  /**
   * What is written before LevelDB is made to sort it into a table and to begin a new log, instead of
   * 16 MiB.
   */
  readonly bufferedBytesMax?: number;
}

const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** LevelDB's words for files that are not as it left them. */
const DAMAGED = /^Corruption:|No such file or directory/;

export function bufferedBytesMax(place: FolderPlace): number {
  return place.bufferedBytesMax ?? BUFFERED_BYTES_MAX;
}

/** Rejects with `BackendError` where the database is damaged or held by another process. */
export async function openFolder(
  place: FolderPlace,
  census?: BlockCensus,
): Promise<DatabaseFolder> {
  try {
    return await open(place, census);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    const advice = DAMAGED.test(why) ? "; restore this member from its peers or a backup" : "";
    throw new BackendError(`Cannot open the database in ${place.dir}: ${why}${advice}`, {
      cause: error,
    });
  }
}

async function open(place: FolderPlace, census?: BlockCensus): Promise<DatabaseFolder> {
  const { dir, databases, blockFiles } = place;
  // LevelDB's own limit, at which it would begin a new log by itself, is out of reach (L4).
  const db: Database = await databases.open(dir, { writeBufferBytes: 2 * bufferedBytesMax(place) });
  try {
    // Only now: the folder is locked.
    const files = await BlockFiles.open(databases.files(dir), blockFiles?.fileBytesMax);
    return new DatabaseFolder(place, { db, files, ...(census && { census }) });
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** An image as a database of its own, on disk when this resolves. */
export async function writeImage(
  place: FolderPlace,
  image: { readonly chunks: AsyncIterable<Uint8Array>; readonly inspect: ImageSteps["inspect"] },
): Promise<BlockCensus | undefined> {
  await place.databases.remove(place.dir);
  const folder = await openFolder(place);
  try {
    for await (const pairs of decodeImage(image.chunks)) {
      await folder.stage(pairs.map(([key, value]) => ({ key, value })));
      await folder.write({ sync: false });
    }
    await image.inspect(folder.scan());
  } finally {
    await folder.close();
  }
  await place.databases.syncContents(place.dir);
  return folder.census;
}

/** Completes an installation that came as far as `<dir>.ready`: that image is whole. */
export async function finishSwap({ dir, databases }: FolderPlace): Promise<void> {
  await databases.remove(`${dir}.new`);
  if (!(await databases.exists(`${dir}.ready`))) return;
  // In this order on disk: the old database may not go before the new one's name is there to stay.
  await databases.syncNames(dir);
  await databases.remove(dir);
  await databases.rename(`${dir}.ready`, dir);
  await databases.syncNames(dir);
}
