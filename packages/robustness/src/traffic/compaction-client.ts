/**
 * Compacts now and then, as Kubernetes' API server does: mostly far back, sometimes at the newest
 * revision that the observer has. Never beyond that: the observer's events are the full history that
 * others are judged by. Also asks for what must be refused: a revision twice, one of the future.
 */
import type { Outcome } from "../history/history.js";
import { between, happens, weighted } from "./dice.js";
import { kvKey } from "./kv-request.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

/** While nobody writes there is little to compact; a compaction that finds nothing must be one, too. */
const QUIET_MEAN_MS = 20_000;
const FUTURE_REVISIONS = 1_000_000;
/** Those that every profile has. */
const DELETED_KEYS: readonly [number, number] = [0, 1];
/** Of deletions at which a compaction is made, how many the key outlives. */
const WRITTEN_AGAIN_SHARE = 0.5;
/** The observer is not far behind where nothing is wrong. */
const OBSERVED_WITHIN_MS = 1_000;

export async function runCompactionClient(
  run: TrafficRun,
  { meanMs }: { readonly meanMs: number },
): Promise<void> {
  const client = new TrafficClient("compactor", run);
  await client.pause(meanMs);
  while (!run.isStopping) {
    await compactOnce(client);
    await client.pause(run.quietMs > 0 ? QUIET_MEAN_MS : meanMs);
  }
  await client.close();
}

export async function compactOnce(client: TrafficClient): Promise<Outcome | undefined> {
  const { run } = client;
  const revision = await chooseRevision(client);
  if (revision <= 0) return undefined;
  const outcome = await client.perform({ kind: "compact", revision });
  if (outcome.kind === "answered") {
    run.compactedRevision = Math.max(run.compactedRevision, revision);
  }
  return outcome;
}

/**
 * Twice in a row: the second finds the clean-up of the first at its pause. Answers the revision of the
 * second; undefined where it was not made.
 */
export async function compactTwice(client: TrafficClient): Promise<number | undefined> {
  const { random, run } = client;
  const revision = run.observedRevision;
  if (revision <= run.compactedRevision + 1) return undefined;
  const first = between(random, [run.compactedRevision + 1, revision - 1]);
  for (const one of [first, revision]) {
    const outcome = await client.perform({ kind: "compact", revision: one });
    if (outcome.kind !== "answered") return undefined;
    run.compactedRevision = Math.max(run.compactedRevision, one);
  }
  return revision;
}

async function chooseRevision(client: TrafficClient): Promise<number> {
  const { random, run } = client;
  const { observedRevision, compactedRevision, newestRevision } = run;
  switch (weighted(random, { back: 5, newest: 3, delete: 3, again: 1, future: 1 })) {
    case "back":
      return between(random, [Math.min(compactedRevision, observedRevision), observedRevision]);
    case "newest":
      return observedRevision;
    case "delete":
      return await ownDelete(client);
    case "again":
      return compactedRevision;
    case "future":
      return newestRevision + FUTURE_REVISIONS;
  }
}

/** Of a deletion that it makes: a compaction at a delete is where etcd has lost it (#18089, #19179). */
async function ownDelete(client: TrafficClient): Promise<number> {
  const { random, run } = client;
  const key = kvKey(between(random, DELETED_KEYS));
  const outcome = await client.perform({ kind: "delete", key });
  if (outcome.kind !== "answered") return run.observedRevision;
  const { revision } = outcome.response;
  if (happens(random, WRITTEN_AGAIN_SHARE)) {
    await client.perform({ kind: "put", key, value: run.uniqueValue(client.name) });
  }
  await run.until(() => run.observedRevision >= revision, OBSERVED_WITHIN_MS);
  return Math.min(revision, run.observedRevision);
}
