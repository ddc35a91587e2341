/**
 * Clients that read and write, each at one member, until they are stopped. Everything that they ask
 * and are told goes into the history. One more compacts, now and then.
 */
import { setMaxListeners } from "node:events";
import { type Random, randomBelow, seededRandom } from "@sagong/base";
import type { HistoryRecorder, Outcome } from "@sagong/robustness";
import type { Channel } from "@sagong/rpc";
import type { ChaosCluster } from "../cluster.js";
import type { ChaosMember } from "../member.js";
import { RequestChoice } from "./choose-request.js";
import { interruptibleWait } from "./interruptible-wait.js";

/** Shorter than the store's own limit: a client whose member has lost its leader goes on. */
const CALL_TIMEOUT_MS = 3_000;
/** Somebody whose member is dead does not hammer at it. */
const PAUSE_AFTER_FAILURE_MS = 100;
const COMPACT_EVERY_MS = 15_000;
/** What is compacted is as old as this: a watch that was cut off still finds its place. */
const KEEP_MS = 45_000;

export interface KvClientsOptions {
  readonly seed: number;
  readonly cluster: ChaosCluster;
  readonly recorder: HistoryRecorder;
  readonly clientCount: number;
  /** Of all clients together, where nothing stands in their way. */
  readonly operationsPerSecond: number;
  /** A write was acknowledged that was asked for at `calledMs`. */
  readonly onAcknowledged: (calledMs: number) => void;
}

export class KvClients {
  readonly #options: KvClientsOptions;
  readonly #choice = new RequestChoice();
  readonly #stopping = new AbortController();
  readonly #running: readonly Promise<void>[];
  /** The newest revision that anybody was told. */
  #revision = 0;

  constructor(options: KvClientsOptions) {
    this.#options = options;
    const { members } = options.cluster;
    // Each client listens while it waits.
    setMaxListeners(options.clientCount + 1, this.#stopping.signal);
    this.#running = [
      ...Array.from({ length: options.clientCount }, (_, i) => {
        const member = members[i % members.length];
        if (!member) throw new Error("no members");
        return this.#run(i, member);
      }),
      this.#compact(),
    ];
  }

  /** Resolves when all have their last answer. Rejects with what is not the store's fault. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(index: number, member: ChaosMember): Promise<void> {
    const { seed, cluster, clientCount, operationsPerSecond } = this.#options;
    const random = seededRandom(seed + index);
    const client = `c${index + 1}`;
    const channel = cluster.channel(member);
    const thinkMsMax = (2 * 1000 * clientCount) / operationsPerSecond;
    try {
      for (let count = 0; !this.#isStopped; count++) {
        const startedMs = performance.now();
        const outcome = await this.#ask({ client, member, channel, random, count });
        const tookMs = performance.now() - startedMs;
        const thinkMs = randomBelow(random, thinkMsMax) - tookMs;
        const isFailure = outcome.kind === "unknown";
        await this.#wait(Math.max(isFailure ? PAUSE_AFTER_FAILURE_MS : 0, thinkMs));
      }
    } finally {
      await channel.close();
    }
  }

  async #ask(who: {
    readonly client: string;
    readonly member: ChaosMember;
    readonly channel: Channel;
    readonly random: Random;
    readonly count: number;
  }): Promise<Outcome> {
    const { client, member, channel, random, count } = who;
    const { recorder, onAcknowledged } = this.#options;
    const request = this.#choice.choose(random, `${client}-${count}`);
    const calledMs = performance.now();
    const outcome = await recorder.perform({ client, member: member.name, channel }, request, {
      timeoutMs: CALL_TIMEOUT_MS,
    });
    if (outcome.kind === "answered") {
      this.#choice.note(outcome.response);
      this.#revision = Math.max(this.#revision, outcome.response.revision);
      if (request.kind !== "range") onAcknowledged(calledMs);
    }
    return outcome;
  }

  /** At each member in turn, of what was there some time ago. */
  async #compact(): Promise<void> {
    const { cluster, recorder } = this.#options;
    const revisions: { readonly atMs: number; readonly revision: number }[] = [];
    const channels = cluster.members.map((member) => ({
      member,
      channel: cluster.channel(member),
    }));
    for (let turn = 0; !this.#isStopped; turn++) {
      revisions.push({ atMs: performance.now(), revision: this.#revision });
      await this.#wait(COMPACT_EVERY_MS);
      const oldMs = performance.now() - KEEP_MS;
      const old = revisions.findLast(({ atMs, revision }) => atMs < oldMs && revision > 1);
      const at = channels[turn % channels.length];
      if (!old || !at || this.#isStopped) continue;
      const asking = { client: "compactor", member: at.member.name, channel: at.channel };
      const request = { kind: "compact", revision: old.revision } as const;
      await recorder.perform(asking, request, { timeoutMs: CALL_TIMEOUT_MS });
    }
    await Promise.all(channels.map(({ channel }) => channel.close()));
  }

  async #wait(ms: number): Promise<void> {
    await interruptibleWait(ms, this.#stopping.signal);
  }
}
