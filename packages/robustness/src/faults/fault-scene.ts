/**
 * Where faults are applied: the cluster, its clients, and what several faults have to agree about:
 * who may be started again and when, and which disks are not to be believed any more.
 *
 * F1 A member that is made to forget what it had acknowledged (fairness.ts) does so, and comes back,
 *    only at a moment at which the others can do without its memory: a majority without it has one
 *    leader, and everything that the leader has. Then nobody can be elected, and nothing be committed,
 *    that needs its vote or its log of before: a candidate needs a vote of that majority, which is
 *    complete and in a term that is at least as high. Raft promises nothing beyond it (§5.2, §5.4: votes
 *    and logs are on stable storage).
 * F2 A disk that lies, or that failed a sync, keeps its power otherwise: "power loss" is then a kill of
 *    the process.
 */
import { defined, type Random, randomBelow } from "@sagong/base";
import type {
  Loss,
  MemberFlags,
  SimulatedCluster,
  SimulatedMember,
} from "../member/simulated-member.js";
import type { SimulatedNetwork } from "../network/simulated-network.js";
import { hasAllOf } from "./complete-log.js";
import type { TrafficSurges } from "../traffic/traffic.js";
import type { World } from "../world/world.js";

export type Undo = () => void;

export interface FaultClients extends TrafficSurges {
  /** Names of those that have connections, for the network. */
  readonly clientNames: readonly string[];
}

export interface FaultSceneOptions {
  readonly cluster: SimulatedCluster;
  /** Without it faults that clients make do nothing. */
  readonly clients?: FaultClients | undefined;
  /** The member is about to lose what its disk had said was kept. */
  readonly onForget: (member: SimulatedMember) => void;
}

/** `disturbed`: it may stop itself, and must start again when all is over. `damaged`: it may refuse to. */
export type DiskStanding = "sound" | "disturbed" | "damaged";

export interface DamageKind {
  /** Whoever reads it sees that it is damaged. */
  readonly isNoticed?: boolean;
}

/** How often it is looked whether a member may forget. */
const FORGET_CHECK_MS = 50;

export class FaultScene {
  readonly world: World;
  readonly network: SimulatedNetwork;
  readonly members: readonly SimulatedMember[];
  readonly clients: FaultClients | undefined;
  /** For what a plan leaves open: which follower, when exactly. */
  readonly random: Random;
  readonly #options: FaultSceneOptions;
  readonly #standings = new Map<SimulatedMember, DiskStanding>();
  readonly #held = new Map<SimulatedMember, number>();
  /** Disks whose "done" is not to be believed (F2). */
  readonly #liars = new Set<SimulatedMember>();
  /** Restarts in order that are to come or under way. */
  #restarts = 0;

  constructor(options: FaultSceneOptions) {
    const { cluster, clients } = options;
    this.#options = options;
    this.world = cluster.world;
    this.network = cluster.network;
    this.members = cluster.members;
    this.clients = clients;
    this.random = cluster.world.chance("faults");
  }

  // ── Who ──────────────────────────────────────────────────────────────────────────────────────

  /** By number from 0; numbers beyond the last count on from the first, so that plans fit any cluster. */
  member(number: number): SimulatedMember {
    return defined(this.members[number % this.members.length], "a cluster has members");
  }

  /** Who leads, as far as those that run know: the one of the highest term. */
  get leader(): SimulatedMember | undefined {
    let leader: { readonly member: SimulatedMember; readonly term: number } | undefined;
    for (const member of this.members) {
      const status = member.raftStatus();
      if (status?.role !== "leader" || status.term <= (leader?.term ?? -1)) continue;
      leader = { member, term: status.term };
    }
    return leader?.member;
  }

  /** One that runs and does not lead; the last member where there is none. */
  get follower(): SimulatedMember {
    const { leader } = this;
    const followers = this.members.filter((member) => member.isRunning && member !== leader);
    const chosen = followers[randomBelow(this.random, Math.max(1, followers.length))];
    return chosen ?? this.member(this.members.length - 1);
  }

  others(member: SimulatedMember): readonly SimulatedMember[] {
    return this.members.filter((other) => other !== member);
  }

  // ── When ─────────────────────────────────────────────────────────────────────────────────────

  /** Now, and again after each pause, which is asked for anew. */
  repeat(pauseMs: () => number, action: () => void): Undo {
    let isOver = false;
    const step = (): void => {
      if (isOver) return;
      action();
      this.world.after(pauseMs(), step);
    };
    step();
    return () => {
      isOver = true;
    };
  }

  after(ms: number, action: () => void): Undo {
    const timer = this.world.after(ms, action);
    return () => timer.cancel();
  }

  // ── Processes ────────────────────────────────────────────────────────────────────────────────

  /** Ends its process; power is kept where the disk lies (F2). */
  kill(member: SimulatedMember, loss: Loss): void {
    member.kill(this.#liars.has(member) ? "process" : loss);
  }

  /** Kills them, and starts each again when that is undone and nobody else keeps it down. */
  down(members: readonly SimulatedMember[], loss: Loss): Undo {
    for (const member of members) {
      this.#held.set(member, (this.#held.get(member) ?? 0) + 1);
      this.kill(member, loss);
    }
    return () => {
      for (const member of members) {
        this.#held.set(member, (this.#held.get(member) ?? 1) - 1);
        this.start(member);
      }
    };
  }

  /** Unless somebody keeps it down. Whether it could is seen by whoever watches over the members. */
  start(member: SimulatedMember): void {
    if ((this.#held.get(member) ?? 0) > 0) return;
    member.start().catch(() => {}); // `failure` tells of it, and the member's `onEnded`.
  }

  /**
   * After a while ends its process in order and starts it again with other flags; one that does not
   * run then has them with its next start. Undone before: nothing.
   */
  restartAfter(ms: number, member: SimulatedMember, flags: () => MemberFlags): Undo {
    this.#restarts++;
    let isBegun = false;
    const cancel = this.after(ms, () => {
      isBegun = true;
      member.flags = flags();
      void this.#restart(member);
    });
    return () => {
      if (isBegun) return;
      isBegun = true;
      cancel();
      this.#restarts--;
    };
  }

  async #restart(member: SimulatedMember): Promise<void> {
    if (member.isRunning) {
      await member.stop();
      this.start(member);
    }
    this.#restarts--;
  }

  /** Whether no member is still to be restarted: a fault may end by that, and takes its time for it. */
  get isAtRest(): boolean {
    return this.#restarts === 0;
  }

  // ── Disks ────────────────────────────────────────────────────────────────────────────────────

  standingOf(member: SimulatedMember): DiskStanding {
    return this.#standings.get(member) ?? "sound";
  }

  /** Its disk fails or refuses: the member may stop itself. */
  disturb(member: SimulatedMember): void {
    if (this.standingOf(member) === "sound") this.#standings.set(member, "disturbed");
  }

  /**
   * Its data is not what it was: it may refuse to start for good. Where the damage is of a kind that is
   * always noticed, it may not start with less than it had.
   */
  damage(member: SimulatedMember, { isNoticed = false }: DamageKind = {}): void {
    this.#standings.set(member, "damaged");
    if (!isNoticed) this.#options.onForget(member);
  }

  /** Its disk says "done" and does not do it, from now on or since long. */
  distrust(member: SimulatedMember): void {
    this.disturb(member);
    this.#liars.add(member);
  }

  /**
   * Ends its process, waits until the others can do without what it knew (F1), and then, in one event:
   * `forget`, on the disk of a member that does not run, and start. Undone before: it just starts.
   */
  forgetting(member: SimulatedMember, forget: () => void, kind: DamageKind = {}): Undo {
    const up = this.down([member], "process");
    let termBefore = 0;
    let isDone = false;
    const stop = this.repeat(
      () => FORGET_CHECK_MS,
      () => {
        termBefore = Math.max(termBefore, member.raftStatus()?.term ?? 0);
        if (isDone || !this.#canDoWithout(member, termBefore)) return;
        isDone = true;
        member.kill("process"); // Whoever watches over it may have started it again.
        this.damage(member, kind);
        forget();
        up();
      },
    );
    return () => {
      stop();
      if (!isDone) up();
    };
  }

  /** F1. Members that were made to forget themselves do not count. */
  #canDoWithout(member: SimulatedMember, termBefore: number): boolean {
    const { leader } = this;
    const leading = leader?.raftView();
    if (!leading || leader === member || leading.term < termBefore) return false;
    if (leading.log.committed < leading.log.lastIndex) return false;
    const complete = this.others(member).filter((other) => {
      if (this.standingOf(other) === "damaged") return false;
      const view = other.raftView();
      return view?.term === leading.term && hasAllOf(view.log, leading.log);
    });
    return complete.includes(defined(leader, "it leads")) && isMajority(complete, this.members);
  }
}

function isMajority(some: readonly unknown[], all: readonly unknown[]): boolean {
  return some.length > all.length / 2;
}
