/** All clients of a run, on all members: readers and writers, owners of leases, watchers. */
import type { HistoryRecorder } from "@sagong/robustness";
import type { Channel } from "@sagong/rpc";
import type { ChaosCluster } from "../cluster.js";
import { PREFIX } from "./choose-request.js";
import { KvClients } from "./kv-clients.js";
import { LeaseClient } from "./lease-clients.js";
import { Observer, PassersBy } from "./watchers.js";

const CLIENTS_PER_MEMBER = 4;
const MARK_TIMEOUT_MS = 3_000;
/** Seeds of clients lie apart. */
const LESSEES_FROM = 1_000;
const PASSERS_BY_FROM = 2_000;

export interface TrafficOptions {
  readonly seed: number;
  readonly cluster: ChaosCluster;
  readonly recorder: HistoryRecorder;
  /** Reads and writes of all clients together, where nothing stands in their way. */
  readonly operationsPerSecond: number;
}

export class Traffic {
  acknowledgedWrites = 0;
  readonly #recorder: HistoryRecorder;
  readonly #observers: readonly Observer[];
  readonly #askers: readonly { stop(): Promise<void> }[];
  readonly #closer: { readonly member: string; readonly channel: Channel };
  readonly #listeners = new Set<(calledMs: number) => void>();
  #marks = 0;

  constructor({ seed, cluster, recorder, operationsPerSecond }: TrafficOptions) {
    const { members } = cluster;
    const [first] = members;
    if (!first) throw new Error("Cannot ask a cluster of no members");
    this.#recorder = recorder;
    this.#closer = { member: first.name, channel: cluster.channel(first) };
    this.#observers = members.map((member) => new Observer({ cluster, member, recorder }));
    const clients = new KvClients({
      seed,
      cluster,
      recorder,
      clientCount: CLIENTS_PER_MEMBER * members.length,
      operationsPerSecond,
      onAcknowledged: (calledMs) => this.#acknowledged(calledMs),
    });
    this.#askers = [
      clients,
      ...members.flatMap((member, i) => [
        new LeaseClient({ cluster, member, recorder, seed: seed + LESSEES_FROM + i }),
        new PassersBy({ cluster, member, recorder, seed: seed + PASSERS_BY_FROM + i }),
      ]),
    ];
  }

  /**
   * How long it takes until a write is acknowledged that is asked for from now on; undefined where
   * none is within the limit.
   */
  nextAcknowledged(limitMs: number): Promise<number | undefined> {
    const sinceMs = performance.now();
    return new Promise((resolve) => {
      const end = (tookMs: number | undefined): void => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve(tookMs);
      };
      const listener = (calledMs: number): void => {
        if (calledMs >= sinceMs) end(performance.now() - sinceMs);
      };
      const timer = setTimeout(() => end(undefined), limitMs);
      this.#listeners.add(listener);
    });
  }

  /** Resolves when nobody asks any more; observers still watch. */
  async stopAsking(): Promise<void> {
    await Promise.all(this.#askers.map((asker) => asker.stop()));
  }

  /** A write behind all others; its revision. Rejects where it is not acknowledged. */
  async writeMark(): Promise<number> {
    const { member, channel } = this.#closer;
    const request = { kind: "put", key: `${PREFIX}end`, value: `end-${++this.#marks}` } as const;
    const asking = { client: "closer", member, channel };
    const outcome = await this.#recorder.perform(asking, request, { timeoutMs: MARK_TIMEOUT_MS });
    if (outcome.kind !== "answered") throw new Error(outcome.error);
    return outcome.response.revision;
  }

  async observersReach(revision: number, limitMs: number): Promise<void> {
    await Promise.all(this.#observers.map((observer) => observer.reach(revision, limitMs)));
  }

  async close(): Promise<void> {
    await this.stopAsking();
    await Promise.all(this.#observers.map((observer) => observer.stop()));
    await this.#closer.channel.close();
  }

  #acknowledged(calledMs: number): void {
    this.acknowledgedWrites++;
    for (const listener of this.#listeners) listener(calledMs);
  }
}
