/**
 * Who wants a lock, as etcd's concurrency package and npm's etcd3 take it: a lease, and a transaction
 * that writes the lock's key with the lease if nobody has (create revision 0). Whoever has it keeps
 * the lease alive, writes under its protection (a transaction that compares the lock's create
 * revision), and lets go by deleting the key, by revoking the lease, or by dying.
 */
import type { KvResponse } from "../history/history.js";
import { between, oneOf, weighted } from "./dice.js";
import { OwnedLease } from "./lease-calls.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

/** Keys of locks begin so, and nobody else's; what they guard begins with `locked/`. */
export const LOCK_PREFIX = "lock/";
const GUARDED_PREFIX = "locked/";
const LOCKS = ["a", "b"] as const;
const TTL_SECONDS: readonly [number, number] = [2, 4];
/** How often one who does not get it asks again. */
const RETRY_MS: readonly [number, number] = [300, 1_500];
const TRIES_MAX = 10;
/** How many writes are done under one lock, and the pause between them. */
const WRITES: readonly [number, number] = [1, 6];
const WRITE_PAUSE_MS = 500;
const PAUSE_MS = 1_000;

interface HeldLock {
  readonly key: string;
  readonly name: string;
  readonly createRevision: number;
}

export async function runLockClient(
  run: TrafficRun,
  { name }: { readonly name: string },
): Promise<void> {
  const client = new TrafficClient(name, run);
  while (!run.isStopping) {
    const lease = new OwnedLease(client, { ttlSeconds: between(client.random, TTL_SECONDS) });
    if (await lease.grant()) await contend(client, lease);
    await client.rest(PAUSE_MS);
  }
  await client.close();
}

async function contend(client: TrafficClient, lease: OwnedLease): Promise<void> {
  const { run, random } = client;
  const name = oneOf(random, LOCKS);
  for (let i = 0; i < TRIES_MAX && !run.isStopping; i++) {
    const taken = await tryLock(client, lease, name);
    if (taken === "unknown") return await lease.revoke();
    if (taken !== "held by another") return await hold(client, lease, taken);
    if ((await lease.renew()) === "gone") return;
    await run.sleep(between(random, RETRY_MS));
  }
  await lease.revoke();
}

async function tryLock(
  client: TrafficClient,
  { id, record }: OwnedLease,
  name: string,
): Promise<HeldLock | "held by another" | "unknown"> {
  const key = `${LOCK_PREFIX}${name}`;
  const value = client.run.uniqueValue(client.name);
  const outcome = await client.perform({
    kind: "txn",
    compares: [{ key, target: "create", result: "=", operand: 0 }],
    success: [{ kind: "put", key, value, lease: id.toString() }],
    failure: [{ kind: "range", key }],
  });
  if (outcome.kind !== "answered") return "unknown";
  const response = outcome.response as Extract<KvResponse, { kind: "txn" }>; // Of a transaction.
  if (!response.succeeded) return "held by another";
  record.attached(key);
  return { key, name, createRevision: response.revision };
}

async function hold(client: TrafficClient, lease: OwnedLease, lock: HeldLock): Promise<void> {
  const { random, run, name } = client;
  const mine = {
    key: lock.key,
    target: "create",
    result: "=",
    operand: lock.createRevision,
  } as const;
  for (let writes = between(random, WRITES); writes > 0 && !run.isStopping; writes--) {
    if ((await lease.renew()) === "gone") return;
    const key = `${GUARDED_PREFIX}${lock.name}`;
    const outcome = await client.perform({
      kind: "txn",
      compares: [mine],
      success: [{ kind: "put", key, value: run.uniqueValue(name) }],
      failure: [{ kind: "range", key: lock.key }],
    });
    const isLost =
      outcome.kind === "answered" && "succeeded" in outcome.response && !outcome.response.succeeded;
    if (isLost) return;
    await client.pause(WRITE_PAUSE_MS);
  }
  switch (weighted(random, { delete: 5, revoke: 3, die: 2 })) {
    case "delete": {
      const success = [{ kind: "delete", key: lock.key }] as const;
      await client.perform({ kind: "txn", compares: [mine], success, failure: [] });
      return await lease.revoke();
    }
    case "revoke":
      return await lease.revoke();
    case "die":
      return;
  }
}
