/**
 * Compacts now and then, as Kubernetes' API server does: mostly far back, sometimes at the newest
 * revision that the observer has. Never beyond that: the observer's events are the full history that
 * others are judged by. Also asks for what must be refused: a revision twice, one of the future.
 */
import type { Outcome } from "../history/history.js";
import { between, weighted } from "./dice.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

const FUTURE_REVISIONS = 1_000_000;

export async function runCompactionClient(
  run: TrafficRun,
  { meanMs }: { readonly meanMs: number },
): Promise<void> {
  const client = new TrafficClient("compactor", run);
  await client.pause(meanMs);
  while (!run.isStopping) {
    await compactOnce(client);
    await client.pause(meanMs);
  }
  await client.close();
}

export async function compactOnce(client: TrafficClient): Promise<Outcome | undefined> {
  const { run } = client;
  const revision = chooseRevision(client);
  if (revision <= 0) return undefined;
  const outcome = await client.perform({ kind: "compact", revision });
  if (outcome.kind === "answered") {
    run.compactedRevision = Math.max(run.compactedRevision, revision);
  }
  return outcome;
}

function chooseRevision({ random, run }: TrafficClient): number {
  const { observedRevision, compactedRevision, newestRevision } = run;
  switch (weighted(random, { back: 6, newest: 3, again: 1, future: 1 })) {
    case "back":
      return between(random, [Math.min(compactedRevision, observedRevision), observedRevision]);
    case "newest":
      return observedRevision;
    case "again":
      return compactedRevision;
    case "future":
      return newestRevision + FUTURE_REVISIONS;
  }
}
