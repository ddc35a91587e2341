/** The least that makes a history: clients that put and get, each over one member at a time. */
import { type Random, randomBelow, randomFraction } from "@sagong/base";
import { HistoryRecorder } from "../history/recording.js";
import type { History, KvRequest, Violation } from "../history/history.js";
import type { SimulatedCluster } from "../member/simulated-member.js";

const CLIENTS = 3;
const THINK_MS = 700;
const KEYS = 8;
const TIMEOUT_MS = 3_000;

export class PlainTraffic {
  readonly violations: readonly Violation[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #recorder: HistoryRecorder;
  readonly #done: Promise<unknown>;
  #isStopping = false;
  #values = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#recorder = new HistoryRecorder({ nowMs: () => cluster.world.nowMs });
    this.#done = Promise.all(Array.from({ length: CLIENTS }, (_, i) => this.#client(`c${i + 1}`)));
  }

  get history(): History {
    return this.#recorder.history;
  }

  get operationCount(): number {
    return this.#recorder.operationCount;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  async #client(client: string): Promise<void> {
    const { world, members } = this.#cluster;
    const random = world.chance(`client ${client}`);
    const channels = members.map((member) => member.channel(client));
    while (!this.#isStopping) {
      const at = randomBelow(random, members.length);
      const [member, channel] = [members[at], channels[at]];
      if (!member || !channel) throw new Error("a cluster has a member");
      const asking = { client, member: member.name, channel };
      await this.#recorder.perform(asking, this.#request(random), { timeoutMs: TIMEOUT_MS });
      await new Promise<void>((resolve) => {
        world.after(randomFraction(random) * 2 * THINK_MS, resolve);
      });
    }
  }

  #request(random: Random): KvRequest {
    const key = `k${randomBelow(random, KEYS)}`;
    if (randomBelow(random, 2) === 0) return { kind: "range", key };
    return { kind: "put", key, value: `v${++this.#values}` };
  }
}
