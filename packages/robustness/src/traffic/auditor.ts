/**
 * Asks members about themselves, as an operator's tools do. Their HashKV of one revision, again and
 * again while clients write, compactions are under way and members come back: whoever has the same
 * revision and the same compaction must have the same hash (check/members.ts). And whether a member
 * that is larger than its quota refuses to grow.
 */
import { HashKVRequest, MaintenanceService, StatusRequest } from "@sagong/kv/testing";
import { type Channel, RpcError } from "@sagong/rpc";
import type { MemberHash } from "../check/members.js";
import { compactTwice } from "./compaction-client.js";
import { between, happens } from "./dice.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

const AUDIT_MS = 2_500;
const TIMEOUT_MS = 3_000;
/** How far behind the newest revision hashes are asked for: members are not all at that. */
const BACK_REVISIONS: readonly [number, number] = [0, 8];
/** Of audits, how many make compactions of their own. */
const COMPACTION_SHARE = 0.2;
/** A small store needs much less to clean up. */
const CLEANED_UP_MS = 200;
const AUDIT_KEY = "audit";

export interface AuditorOptions {
  readonly onHash: (hash: MemberHash) => void;
  /** Whether compactions are part of the run. */
  readonly compacts: boolean;
}

export async function runAuditor(run: TrafficRun, options: AuditorOptions): Promise<void> {
  const client = new TrafficClient("auditor", run);
  while (!run.isStopping) {
    await client.rest(AUDIT_MS);
    const revision = Math.max(1, run.newestRevision - between(client.random, BACK_REVISIONS));
    await auditHashes(client, revision, options);
    if (options.compacts && happens(client.random, COMPACTION_SHARE)) {
      await auditCompaction(client, options);
    }
    await auditQuota(client);
  }
  await client.close();
}

/** While what a compaction has given up is still there, and again when it is cleaned up. */
async function auditCompaction(client: TrafficClient, options: AuditorOptions): Promise<void> {
  const revision = await compactTwice(client);
  if (revision === undefined) return;
  await auditHashes(client, revision, options);
  await client.run.sleep(CLEANED_UP_MS);
  await auditHashes(client, revision, options);
}

async function auditHashes(
  client: TrafficClient,
  revision: number,
  { onHash }: AuditorOptions,
): Promise<void> {
  await Promise.all(
    client.run.surroundings.members.map(async (member) => {
      const hash = await hashOf(client, { member, revision });
      if (hash) onHash(hash);
    }),
  );
}

/** Undefined where it cannot say: it is away, is behind, or has compacted that revision. */
async function hashOf(
  client: TrafficClient,
  { member, revision }: { readonly member: string; readonly revision: number },
): Promise<MemberHash | undefined> {
  const request = HashKVRequest.create({ revision });
  const answer = await orUndefined(
    client.channel(member).unary(MaintenanceService.methods.hashKv, request, {
      timeoutMs: TIMEOUT_MS,
    }),
  );
  if (!answer) return undefined;
  const { hash, compactRevision, hashRevision } = answer;
  return { member, revision: hashRevision, compactRevision, hash };
}

/** What is larger than its quota before and after a write may not have taken it. */
async function auditQuota(client: TrafficClient): Promise<void> {
  const { run, member } = client;
  const channel = client.channel();
  const before = await sizesOf(channel);
  if (!before || !isOverQuota(before)) return;
  const value = run.uniqueValue(client.name);
  const outcome = await client.perform({ kind: "put", key: AUDIT_KEY, value });
  if (outcome.kind !== "answered") return;
  const after = await sizesOf(channel);
  if (!after || !isOverQuota(after)) return;
  const text = `${member} took a write while its store of ${before.dbSize} bytes was larger than its quota of ${before.dbSizeQuota}`;
  run.violations.push({ guarantee: "quota-kept", text, atMs: run.nowMs });
}

interface Sizes {
  readonly dbSize: number;
  /** 0: no limit. */
  readonly dbSizeQuota: number;
}

function isOverQuota({ dbSize, dbSizeQuota }: Sizes): boolean {
  return dbSizeQuota > 0 && dbSize > dbSizeQuota;
}

function sizesOf(channel: Channel): Promise<Sizes | undefined> {
  const request = StatusRequest.create();
  return orUndefined(
    channel.unary(MaintenanceService.methods.status, request, { timeoutMs: TIMEOUT_MS }),
  );
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RpcError) return undefined;
    throw error;
  }
}
