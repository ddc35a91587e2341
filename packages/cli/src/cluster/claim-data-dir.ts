/**
 * Makes sure that a data directory is this cluster's and ours alone: what it was made for is
 * written down in it, and a second supervisor on the same folder is refused.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { errorText } from "@sagong/base";
import { ClusterError, type ClusterOptions } from "./options.js";

/** What cannot change between two starts on one folder. */
interface ClusterRecord {
  readonly format: 1;
  readonly members: number;
}

/** Returns a function that gives the folder back. Throws `ClusterError`. */
export function claimDataDir(options: ClusterOptions): () => void {
  const { dataDir, members } = options;
  makeFolders(dataDir);
  const release = lock(dataDir);
  try {
    const path = `${dataDir}/cluster.json`;
    if (existsSync(path)) {
      check(readRecord(path), options);
    } else {
      const others = readdirSync(dataDir).filter((name) => name !== LOCK);
      if (others.length > 0) {
        throw new ClusterError(
          `Cannot use data directory ${dataDir}: it holds ${others.slice(0, 3).join(", ")} but no Sagong cluster; choose an empty folder with --data-dir`,
        );
      }
      writeFileSync(path, `${JSON.stringify({ format: 1, members } satisfies ClusterRecord)}\n`);
    }
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

const LOCK = "lock";

/** Node's own recursive mkdir never ends on a file system that answers ENOENT, such as /proc. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw new ClusterError(
      `Cannot make data directory ${path}: ${errorText(error)}; choose another with --data-dir`,
    );
  }
}

function check(record: ClusterRecord, { dataDir, members }: ClusterOptions): void {
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

/** A file with our pid, made exclusively; one left by a supervisor that died is taken over. */
function lock(dataDir: string): () => void {
  const path = `${dataDir}/${LOCK}`;
  for (let tries = 0; tries < 2; tries++) {
    try {
      const fd = openSync(path, "wx");
      writeFileSync(fd, String(process.pid));
      closeSync(fd);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const holder = Number(readFileSync(path, "utf8"));
    if (Number.isInteger(holder) && holder > 0 && isAlive(holder)) {
      throw new ClusterError(
        `Cannot use data directory ${dataDir}: process ${holder} runs a cluster on it; stop that one first, or choose another --data-dir`,
      );
    }
    rmSync(path, { force: true });
  }
  throw new ClusterError(`Cannot lock data directory ${dataDir}: another start is taking it`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
