/** A client of keys and values: asks, thinks, asks again; over one channel, or the store's client. */
import type { KvPair, KvRequest, KvResponse, Outcome } from "../history/history.js";
import { FailoverCaller } from "./failover-caller.js";
import { nextKvRequest } from "./kv-request.js";
import type { TrafficProfile } from "./profile.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

export interface KvClientOptions {
  readonly name: string;
  readonly run: TrafficRun;
  readonly profile: TrafficProfile;
  /** Whether it goes over `@sagong/kv/client`, which repeats elsewhere what is safe to repeat. */
  readonly failsOver: boolean;
}

/** Resolves when the run is stopping and its last call is over. */
export async function runKvClient({
  name,
  run,
  profile,
  failsOver,
}: KvClientOptions): Promise<void> {
  const client = new TrafficClient(name, run);
  const failover = failsOver ? new FailoverCaller(client) : undefined;
  const perform = (request: KvRequest): Promise<Outcome> =>
    failover ? failover.perform(request) : client.perform(request);
  const known = new Map<string, number>();
  await client.rest(profile.thinkMs);
  while (!run.isStopping) {
    const outcome = await perform(nextKvRequest(client, profile, known));
    if (outcome.kind === "answered") remember(known, outcome.response);
    await client.rest(profile.thinkMs);
  }
  await Promise.all([client.close(), failover?.close()]);
}

/** What was read just now is what the next compare-and-swap expects. */
function remember(known: Map<string, number>, response: KvResponse): void {
  if (response.kind === "txn") {
    for (const answer of response.answers) remember(known, answer);
  }
  if (response.kind !== "range") return;
  for (const { key, modRevision } of response.kvs satisfies readonly KvPair[]) {
    known.set(key, modRevision);
  }
}
