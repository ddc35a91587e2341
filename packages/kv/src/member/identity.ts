/**
 * Ids of members and of the cluster, by etcd's rule, so that every member computes the same ones
 * from the same flags and a restart finds its own: SHA-1 of the member's sorted peer URLs and the
 * cluster token, first eight bytes; the cluster's from its members' ids in ascending order.
 */
import { createHash } from "node:crypto";
import type { StoreConfig } from "../config/store-config.js";

export interface MemberIdentity {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

export interface ClusterIdentity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** In ascending order of id. */
  readonly members: readonly MemberIdentity[];
}

/** `config` must have passed `checkStoreConfig`: its own name is among the initial members. */
export function identify(config: StoreConfig): ClusterIdentity {
  const members = config.initialCluster
    .map(({ name, peerUrls }) => ({
      id: memberIdOf(peerUrls, config.initialClusterToken),
      name,
      peerUrls,
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const self = members.find((member) => member.name === config.name);
  if (!self) {
    throw new Error(
      `Cannot identify member "${config.name}": the initial cluster has ` +
        `${members.map((member) => member.name).join(", ")}, expected its name among them`,
    );
  }
  return { clusterId: clusterIdOf(members), memberId: self.id, members };
}

function memberIdOf(peerUrls: readonly string[], token: string): bigint {
  return firstEight(Buffer.from(peerUrls.toSorted().join("") + token));
}

function clusterIdOf(members: readonly MemberIdentity[]): bigint {
  const bytes = Buffer.alloc(8 * members.length);
  members.forEach((member, i) => bytes.writeBigUInt64BE(member.id, 8 * i));
  return firstEight(bytes);
}

function firstEight(bytes: Buffer): bigint {
  return createHash("sha1").update(bytes).digest().readBigUInt64BE(0);
}

/** Ids as etcd prints them: hexadecimal without leading zeros. */
export function idText(id: bigint): string {
  return id.toString(16);
}
