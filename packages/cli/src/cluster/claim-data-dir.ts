/**
 * Makes sure that a data directory is this cluster's and ours alone: what it was made for is
 * written down in it, and a second supervisor on the same folder is refused.
 */
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { errorText, hasCode } from "@sagong/base";
import { identifyProcess, isSameProcess, makeFolders } from "@sagong/base/real";
import { ClusterError, type ClusterOptions } from "./options.js";

/** What cannot change between two starts on one folder. */
interface ClusterRecord {
  readonly format: 1;
  readonly members: number;
}

const LOCK = "lock";

type DataDirClaim = Pick<ClusterOptions, "dataDir" | "members">;

/** Resolves with a function that gives the folder back. Rejects with `ClusterError`. */
export async function claimDataDir(options: DataDirClaim): Promise<() => void> {
  const { dataDir, members } = options;
  try {
    await makeFolders(dataDir);
  } catch (error) {
    throw new ClusterError(
      `Cannot make data directory ${dataDir}: ${errorText(error)}; choose another with --data-dir`,
    );
  }
  const release = lock(dataDir);
  try {
    const path = `${dataDir}/cluster.json`;
    if (existsSync(path)) {
      check(readRecord(path), options);
    } else {
      const others = readdirSync(dataDir).filter((name) => !name.startsWith(LOCK));
      if (others.length > 0) {
        throw new ClusterError(
          `Cannot use data directory ${dataDir}: it holds ${others.slice(0, 3).join(", ")} but no Sagong cluster; choose an empty folder with --data-dir`,
        );
      }
      const record: ClusterRecord = { format: 1, members };
      writeFileSync(`${dataDir}/${LOCK}.new`, `${JSON.stringify(record)}\n`);
      renameSync(`${dataDir}/${LOCK}.new`, path);
    }
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

function check(record: ClusterRecord, { dataDir, members }: DataDirClaim): void {
  if (record.members === members) return;
  throw new ClusterError(
    `Cannot start ${members} store member${members === 1 ? "" : "s"} on ${dataDir}: it holds a cluster of ${record.members}; ` +
      `use --members ${record.members}, another --data-dir, or delete the folder to start afresh`,
  );
}

function readRecord(path: string): ClusterRecord {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && "format" in value && "members" in value) {
      if (value.format === 1 && typeof value.members === "number") {
        return { format: 1, members: value.members };
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ClusterError(
    `Cannot read ${path}: it is not a cluster record of this version; restore it, or choose another --data-dir`,
  );
}

/**
 * A file that says which process holds the folder; one left by a process that is gone is taken over.
 * It appears with its content, by a link, so that nobody ever reads it half written; and it names
 * the process by its start time too, since a pid is soon another's after a restart of the machine.
 */
function lock(dataDir: string): () => void {
  const path = `${dataDir}/${LOCK}`;
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identifyProcess(process.pid)));
  try {
    for (let tries = 0; tries < 2; tries++) {
      try {
        linkSync(own, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
      const holder = holderOf(path);
      if (holder !== undefined) {
        throw new ClusterError(
          `Cannot use data directory ${dataDir}: process ${holder} runs a cluster on it; stop that one first, or choose another --data-dir`,
        );
      }
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw new ClusterError(`Cannot lock data directory ${dataDir}: another start is taking it`);
}

/** The pid of the process that wrote the lock, where it still runs. */
function holderOf(path: string): number | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("pid" in value) || typeof value.pid !== "number") return undefined;
  if (!("startTime" in value) || typeof value.startTime !== "string") return undefined;
  return isSameProcess({ pid: value.pid, startTime: value.startTime }) ? value.pid : undefined;
}
