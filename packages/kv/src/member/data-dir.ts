/**
 * The record by which a data directory knows whose it is: written once, on the first start, and
 * compared at every later one. Where it lies is the disk's.
 */
import { type ClusterIdentity, idText } from "./identity.js";
import type { MemberDisk } from "./member-disk.js";

/** A data directory that this configuration must not touch; the message says what to do. */
export class DataDirError extends Error {
  override readonly name: string = "DataDirError";
}

/**
 * Compares the directory's record with `identity`, or writes it where the directory is new. To be
 * called while holding the directory's lock. `isEmpty` says whether the store and log are.
 */
export async function claimDataDir(
  disk: MemberDisk,
  claim: { readonly identity: ClusterIdentity; readonly isEmpty: boolean },
): Promise<void> {
  const recorded = await readIdentity(disk);
  if (recorded) return compare(disk, recorded, claim.identity);
  if (!claim.isEmpty) {
    throw new DataDirError(
      `Cannot use the data directory ${disk.root}: it holds data but no ${disk.identityFile}, ` +
        `expected both; restore that file, or start with an empty directory`,
    );
  }
  await disk.writeIdentity(`${JSON.stringify(toRecord(claim.identity), null, 2)}\n`);
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

function compare(disk: MemberDisk, recorded: IdentityRecord, identity: ClusterIdentity): void {
  const clusterId = idText(identity.clusterId);
  if (recorded.clusterId !== clusterId) {
    const members = recorded.members.map(({ name, peerUrls }) => `${name}=${peerUrls.join("|")}`);
    throw new DataDirError(
      `Cannot use the data directory ${disk.root}: it belongs to cluster ${recorded.clusterId} ` +
        `(members ${members.join(",")}), expected cluster ${clusterId}; use the --initial-cluster ` +
        `and --initial-cluster-token it was made with, or another --data-dir`,
    );
  }
  const memberId = idText(identity.memberId);
  if (recorded.memberId !== memberId) {
    const owner = recorded.members.find((member) => member.id === recorded.memberId);
    throw new DataDirError(
      `Cannot use the data directory ${disk.root}: it belongs to member ${recorded.memberId} ` +
        `(${owner?.name ?? "unknown"}) of this cluster, expected member ${memberId}; ` +
        `each member needs its own --data-dir`,
    );
  }
}

async function readIdentity(disk: MemberDisk): Promise<IdentityRecord | undefined> {
  const text = await disk.readIdentity();
  if (text === undefined) return undefined;
  const record = parseJson(text);
  if (isIdentityRecord(record)) return record;
  throw new DataDirError(
    `Cannot use the data directory ${disk.root}: ${disk.identityFile} is damaged, expected the ` +
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
