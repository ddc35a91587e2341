/**
 * The layout of a data directory, and the record by which it knows whose it is.
 *
 *     <data-dir>/member/identity.json   cluster, member and its fellows, written once
 *     <data-dir>/member/store/          the backend (LevelDB); its LOCK is the directory's lock
 *     <data-dir>/member/log/            raft's log
 *
 * Two processes on one directory would destroy it. The lock is LevelDB's own (an advisory lock of
 * the open file, freed by the kernel however the process ends), so the backend is opened before
 * anything else is read or written. This file owns the layout and the record; it opens neither
 * store nor log.
 */
import { open, readdir, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolders, syncFolder } from "@sagong/base/real";
import { hasCode } from "@sagong/base";
import { type ClusterIdentity, idText } from "./identity.js";

export interface DataDir {
  readonly root: string;
  readonly storeDir: string;
  readonly logDir: string;
  readonly identityFile: string;
}

/** A data directory that this configuration must not touch; the message says what to do. */
export class DataDirError extends Error {
  override readonly name: string = "DataDirError";
}

export function dataDirAt(root: string): DataDir {
  const member = join(root, "member");
  return {
    root,
    storeDir: join(member, "store"),
    logDir: join(member, "log"),
    identityFile: join(member, "identity.json"),
  };
}

/** Makes the directories, and refuses one that belongs to the original etcd. */
export async function prepareDataDir(dir: DataDir): Promise<void> {
  const member = dirname(dir.identityFile);
  try {
    await makeFolders(dir.storeDir);
    await makeFolders(dir.logDir);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataDirError(`Cannot use the data directory ${dir.root}: ${why}`, { cause: error });
  }
  const names = await readdir(member);
  if (names.includes("wal") || names.includes("snap")) {
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: it holds the files of an original etcd, ` +
        `expected an empty one or our own; choose another with --data-dir`,
    );
  }
}

/**
 * Compares the directory's record with `identity`, or writes it where the directory is new. To be
 * called while holding the directory's lock. `isEmpty` says whether the store and log are.
 */
export async function claimDataDir(
  dir: DataDir,
  claim: { readonly identity: ClusterIdentity; readonly isEmpty: boolean },
): Promise<void> {
  const recorded = await readIdentity(dir);
  if (recorded) return compare(dir, recorded, claim.identity);
  if (!claim.isEmpty) {
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: it holds data but no ${dir.identityFile}, ` +
        `expected both; restore that file, or start with an empty directory`,
    );
  }
  await writeDurably(dir.identityFile, `${JSON.stringify(toRecord(claim.identity), null, 2)}\n`);
}

interface IdentityRecord {
  readonly version: 1;
  readonly clusterId: string;
  readonly memberId: string;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly peerUrls: readonly string[];
  }[];
}

function toRecord(identity: ClusterIdentity): IdentityRecord {
  return {
    version: 1,
    clusterId: idText(identity.clusterId),
    memberId: idText(identity.memberId),
    members: identity.members.map(({ id, name, peerUrls }) => ({
      id: idText(id),
      name,
      peerUrls,
    })),
  };
}

function compare(dir: DataDir, recorded: IdentityRecord, identity: ClusterIdentity): void {
  const clusterId = idText(identity.clusterId);
  if (recorded.clusterId !== clusterId) {
    const members = recorded.members.map(({ name, peerUrls }) => `${name}=${peerUrls.join("|")}`);
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: it belongs to cluster ${recorded.clusterId} ` +
        `(members ${members.join(",")}), expected cluster ${clusterId}; use the --initial-cluster ` +
        `and --initial-cluster-token it was made with, or another --data-dir`,
    );
  }
  const memberId = idText(identity.memberId);
  if (recorded.memberId !== memberId) {
    const owner = recorded.members.find((member) => member.id === recorded.memberId);
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: it belongs to member ${recorded.memberId} ` +
        `(${owner?.name ?? "unknown"}) of this cluster, expected member ${memberId}; ` +
        `each member needs its own --data-dir`,
    );
  }
}

async function readIdentity(dir: DataDir): Promise<IdentityRecord | undefined> {
  let text: string;
  try {
    text = await readFile(dir.identityFile, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw new DataDirError(`Cannot read ${dir.identityFile}`, { cause: error });
  }
  const record = parseJson(text);
  if (isIdentityRecord(record)) return record;
  throw new DataDirError(
    `Cannot use the data directory ${dir.root}: ${dir.identityFile} is damaged, expected the ` +
      `record that the first start wrote; restore it, or start with an empty directory`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller refuses what is no record, whatever the reason.
  }
}

function isIdentityRecord(value: unknown): value is IdentityRecord {
  if (typeof value !== "object" || value === null) return false;
  if (!("version" in value) || value.version !== 1) return false;
  if (!("clusterId" in value) || typeof value.clusterId !== "string") return false;
  if (!("memberId" in value) || typeof value.memberId !== "string") return false;
  return "members" in value && Array.isArray(value.members);
}

/** File and directory entry are on disk when this resolves; a crash leaves all or nothing. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
