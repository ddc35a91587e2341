/**
 * Owners of leases: they attach keys, keep them alive for a while, and then let the lease expire,
 * revoke it, or walk away. What becomes of the keys is seen by watches and by reads.
 */
import { between, happens, weighted } from "./dice.js";
import { OwnedLease } from "./lease-calls.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

/** Keys of leases begin so, and nobody else's. */
export const LEASE_PREFIX = "lease/";
/** The least that the store grants is 2 s at etcd's default election timeout. */
const TTL_SECONDS: readonly [number, number] = [2, 6];
const KEYS: readonly [number, number] = [1, 4];
const KEPT_MS: readonly [number, number] = [0, 15_000];
const PAUSE_MS = 1_000;
const LOOK_MS = 500;

export async function runLeaseClient(
  run: TrafficRun,
  { name }: { readonly name: string },
): Promise<void> {
  const client = new TrafficClient(name, run);
  for (let round = 0; !run.isStopping; round++) {
    await ownLease(client, `${LEASE_PREFIX}${name}/${round}`);
    await client.rest(PAUSE_MS);
  }
  await client.close();
}

async function ownLease(client: TrafficClient, prefix: string): Promise<void> {
  const { random, run } = client;
  const lease = new OwnedLease(client, { ttlSeconds: between(random, TTL_SECONDS) });
  if (!(await lease.grant())) return;
  await attachKeys(client, lease, prefix);
  // Some are never renewed: their end is the one that the grant gave them.
  const keptMs = happens(random, 0.25) ? 0 : between(random, KEPT_MS);
  const kept = await lease.keepAlive(run.nowMs + keptMs);
  if (happens(random, 0.3)) await lease.askTimeToLive();
  if (kept === "gone") return;
  switch (weighted(random, { expire: 4, revoke: 3, leave: 2 })) {
    case "revoke":
      return await lease.revoke();
    case "expire":
      return await lookUntilExpired(client, prefix, run.nowMs + 2 * lease.ttlMs);
    case "leave":
      return;
  }
}

async function attachKeys(
  client: TrafficClient,
  { id, record }: OwnedLease,
  prefix: string,
): Promise<void> {
  const { random, run, name } = client;
  for (let i = between(random, KEYS); i > 0; i--) {
    const put = { kind: "put", key: `${prefix}/${i}`, value: run.uniqueValue(name) } as const;
    const outcome = await client.perform({ ...put, lease: id.toString() });
    if (outcome.kind === "answered") record.attached(put.key);
    // A put without a lease takes the key off its lease: it lives on (etcd's Put).
    if (happens(random, 0.1)) await client.perform({ ...put, value: run.uniqueValue(name) });
  }
}

/** Reads the keys while the lease runs out, and a while longer. */
async function lookUntilExpired(
  client: TrafficClient,
  prefix: string,
  untilMs: number,
): Promise<void> {
  const { run } = client;
  while (run.nowMs < untilMs && !run.isStopping) {
    await run.sleep(LOOK_MS);
    const outcome = await client.perform({
      kind: "range",
      key: `${prefix}/`,
      rangeEnd: `${prefix}0`,
    });
    if (
      outcome.kind === "answered" &&
      "count" in outcome.response &&
      outcome.response.count === 0
    ) {
      return;
    }
  }
}
