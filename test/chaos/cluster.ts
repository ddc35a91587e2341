/** The members and what lies between them, as faults see it, and who of them leads. */
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MaintenanceService, StatusRequest } from "@sagong/kv/testing";
import { type Channel, createChannel } from "@sagong/rpc";
import type { Flags } from "../support/store-process.js";
import { ChaosMember, type ChaosMemberOptions } from "./member.js";
import { ChaosNetwork } from "./network.js";
import { PeerProxy } from "./peer-proxy.js";
import { MemoryGroup } from "./surroundings/memory-group.js";
import { buildSurroundings } from "./surroundings/surroundings.js";

const LEADER_POLL_MS = 50;
const STATUS_TIMEOUT_MS = 1_000;
/** Twice a usual election: where nobody leads for longer, faults strike whoever led last. */
const LEADER_LIMIT_MS = 3_000;

export interface ChaosClusterOptions {
  readonly count: number;
  readonly folder: string;
  readonly onStart: ChaosMemberOptions["onStart"];
  readonly onEnd: ChaosMemberOptions["onEnd"];
}

export interface MemberView {
  readonly isLeader: boolean;
  readonly term: number;
  /** Of the member that it takes for the leader. */
  readonly leaderId: bigint;
}

/** Small, so that members that come back sometimes need an image, and logs are cut often. */
export const USUAL_FLAGS: Flags = {
  "snapshot-count": 500,
  "snapshot-catchup-entries": 100,
  "log-level": "info",
  "watch-progress-notify-interval": "2s",
};

export class ChaosCluster {
  readonly network: ChaosNetwork;
  readonly proxy: PeerProxy;
  readonly members: readonly ChaosMember[];
  readonly #status = new Map<ChaosMember, Channel>();
  #lastLeader: ChaosMember;

  constructor({ count, folder, onStart, onEnd }: ChaosClusterOptions) {
    const names = Array.from({ length: count }, (_, i) => `m${i + 1}`);
    const network = new ChaosNetwork(names);
    const initialCluster = names
      .map((name) => `${name}=http://${network.proxyEndpoint(name)}`)
      .join(",");
    this.network = network;
    this.proxy = new PeerProxy(network);
    const library = buildSurroundings(folder);
    this.members = names.map((name) => {
      const flags = {
        name,
        "listen-client-urls": `http://${network.clientEndpoint(name)}`,
        "advertise-client-urls": `http://${network.clientEndpoint(name)}`,
        "listen-peer-urls": `http://${network.peerEndpoint(name)}`,
        "initial-advertise-peer-urls": `http://${network.proxyEndpoint(name)}`,
        "initial-cluster": initialCluster,
        ...USUAL_FLAGS,
      };
      const memory = MemoryGroup.make(`${basename(folder)}-${name}`);
      return new ChaosMember({ name, network, folder, flags, library, memory, onStart, onEnd });
    });
    const [first] = this.members;
    if (!first) throw new Error("Cannot run a cluster of no members");
    this.#lastLeader = first;
    for (const member of this.members) this.#status.set(member, this.channel(member));
  }

  /** Whether faults can take memory from members here. */
  get hasMemoryLimits(): boolean {
    return this.members.every((member) => member.hasMemoryLimit);
  }

  get majority(): number {
    return Math.floor(this.members.length / 2) + 1;
  }

  /** Throws where there is none of that name. */
  member(name: string): ChaosMember {
    const member = this.members.find((candidate) => candidate.name === name);
    if (!member) throw new Error(`Cannot find the member ${name}`);
    return member;
  }

  /** Its own connection; who asked for it closes it. */
  channel(member: ChaosMember): Channel {
    return createChannel({ endpoint: `http://${member.endpoint}` });
  }

  async start(): Promise<void> {
    await this.proxy.listen();
    for (const member of this.members) member.launch();
    await Promise.all(this.members.map((member) => member.ready()));
  }

  /** What the member says of itself; undefined where it says nothing. */
  async view(member: ChaosMember): Promise<MemberView | undefined> {
    if (!member.isRunning || member.isPaused) return undefined;
    try {
      const { status } = MaintenanceService.methods;
      const options = { timeoutMs: STATUS_TIMEOUT_MS };
      const answer = await this.#statusChannel(member).unary(
        status,
        StatusRequest.create({}),
        options,
      );
      const isLeader = answer.leader !== 0n && answer.leader === answer.header?.memberId;
      return { isLeader, term: answer.raftTerm, leaderId: answer.leader };
    } catch {
      // No answer is an answer here: the member is down, cut off, or busy.
      return undefined;
    }
  }

  /** Who leads in the newest term, or did when somebody last asked. */
  async leader(): Promise<ChaosMember> {
    const endMs = performance.now() + LEADER_LIMIT_MS;
    do {
      const views = await Promise.all(
        this.members.map(async (member) => ({ member, view: await this.view(member) })),
      );
      const leaders = views.filter(({ view }) => view?.isLeader);
      const [first] = leaders.toSorted((a, b) => (b.view?.term ?? 0) - (a.view?.term ?? 0));
      if (first) {
        this.#lastLeader = first.member;
        return first.member;
      }
      await delay(LEADER_POLL_MS);
    } while (performance.now() < endMs);
    return this.#lastLeader;
  }

  /** Ends everything. */
  async close(how: { readonly keepsData: boolean }): Promise<void> {
    await Promise.all([...this.#status.values()].map((channel) => channel.close()));
    this.network.heal();
    this.proxy.heal();
    await Promise.all(this.members.map((member) => member.close(how)));
    await this.proxy.close();
  }

  #statusChannel(member: ChaosMember): Channel {
    const channel = this.#status.get(member);
    if (!channel) throw new Error(`${member.name} is not of this cluster`);
    return channel;
  }
}
