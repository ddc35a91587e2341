/**
 * One run: members start, clients work, faults strike one after the other (sometimes two at once),
 * each is healed and must be followed by progress; at the end everything that clients saw is checked.
 *
 * R1 what is struck, and in which order, follows from the seed; what becomes of it does not.
 * R2 after each heal all members serve, and each acknowledges a write within `PROGRESS_LIMIT_MS`.
 * R3 the first violation ends the run: what follows it would say nothing.
 */
import { errorText, randomBelow, seededRandom } from "@sagong/base";
import type { FinalState, History, TraceEvent, Traffic, Violation } from "@sagong/robustness";
import { chaosTraffic, probeMembers } from "./chaos-traffic.js";
import { judge, lookAtMembers } from "./checks.js";
import { ChaosCluster } from "./cluster.js";
import { Deck } from "./faults/deck.js";
import { type ChaosFault, faultName, type Scene } from "./faults/fault.js";
import { interruptibleWait } from "./interruptible-wait.js";
import type { ChaosMember } from "./member.js";
import { Monitor } from "./monitor.js";
import type { Progress } from "./progress.js";
import { RunLog } from "./run-log.js";

/** Far above what it takes, for machines that are busy; the longest that it took is reported. */
const PROGRESS_LIMIT_MS = 30_000;
const END_LIMIT_MS = 60_000;
/** Between a heal and the next fault: some time in which all is well. */
const CALM_MS = [300, 1_500] as const;

export interface ChaosOptions {
  readonly seed: number;
  readonly memberCount: number;
  /** Once members serve; the fault that has begun ends. At least one strikes. */
  readonly durationMs: number;
  /** Instead: until each fault has struck so often, however long that takes. */
  readonly rounds: number | undefined;
  readonly faults: readonly ChaosFault[];
  readonly operationsPerSecond: number;
  /** For logs and disks of members. */
  readonly folder: string;
  /** Members' data stay in the folder, also where nothing was violated. */
  readonly keepsData: boolean;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface ChaosResult {
  readonly seed: number;
  readonly members: readonly string[];
  readonly durationMs: number;
  /** How often each struck, by `group/name`. */
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** The longest from a heal until every member had acknowledged a write, by fault. */
  readonly waitsMsByKind: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  readonly trace: readonly TraceEvent[];
  readonly history: History;
}

/** Rejects where it cannot run at all; what the store does wrong is in the result. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const run = new ChaosRun(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #log: RunLog;
  readonly #faultsByKind: Record<string, number> = {};
  readonly #waitsMsByKind: Record<string, number> = {};
  readonly #cluster: ChaosCluster;
  /** By the clock of the history. */
  readonly #unsettled: { readonly fromMs: number; readonly toMs: number }[] = [];
  #hasPassed = false;

  constructor(options: ChaosOptions) {
    const log = new RunLog(options.progress);
    this.#options = options;
    this.#log = log;
    this.#cluster = new ChaosCluster({
      count: options.memberCount,
      folder: options.folder,
      onStart: ({ name }) => {
        log.add({ kind: "process", who: name, text: "starts", phase: "begin" });
      },
      onEnd: (member, how, why) => {
        const text = `ended: ${how} (${why ?? "by itself"})`;
        log.add({ kind: "process", who: member.name, text, phase: "end" });
        if (why === undefined) this.#endedUnexpectedly(member, how);
      },
    });
  }

  async run(): Promise<ChaosResult> {
    const { seed, memberCount, operationsPerSecond } = this.#options;
    const cluster = this.#cluster;
    await cluster.start();
    this.#log.say(`${memberCount} members serve`);
    const monitor = new Monitor(cluster, this.#log);
    const traffic = chaosTraffic(cluster, { seed, operationsPerSecond });
    traffic.start();
    let finalStates: readonly FinalState[] = [];
    try {
      await this.#strikeUntilOver(traffic);
      finalStates = await this.#settle(traffic);
    } finally {
      await monitor.stop();
    }
    this.#log.say("judging what clients were told");
    const { history } = traffic;
    const unsettled = this.#unsettled;
    for (const violation of traffic.violations) this.#log.violate(violation);
    for (const violation of judge(history, { finalStates, unsettled }))
      this.#log.violate(violation);
    this.#hasPassed = this.#isWell;
    return {
      seed,
      members: cluster.members.map(({ name }) => name),
      durationMs: this.#log.nowMs(),
      faultsByKind: this.#faultsByKind,
      waitsMsByKind: this.#waitsMsByKind,
      violations: this.#log.violations,
      trace: this.#log.trace,
      history,
    };
  }

  /** What went wrong can be looked at: members' data stay. */
  async close(): Promise<void> {
    await this.#cluster.close({ keepsData: this.#options.keepsData || !this.#hasPassed });
  }

  async #strikeUntilOver(traffic: Traffic): Promise<void> {
    const { seed, durationMs, rounds, signal, faults } = this.#options;
    const possible = faults.filter((fault) => this.#isPossible(fault));
    if (possible.length === 0)
      throw new Error("Cannot strike: none of the faults is possible here");
    const deck = new Deck(seededRandom(seed), possible);
    const scene = this.#scene(traffic);
    await this.#progress(traffic, []);
    const untilMs = this.#log.nowMs() + durationMs;
    const isOver = (): boolean =>
      rounds === undefined ? this.#log.nowMs() >= untilMs : deck.rounds >= rounds;
    do {
      await this.#strikeAndHeal(deck.draw(), scene, traffic);
      await scene.hold(...CALM_MS);
    } while (!isOver() && !signal.aborted && this.#isWell);
  }

  /** Says so where the machine is what it lacks. */
  #isPossible(fault: ChaosFault): boolean {
    const { membersMin = 1, needsMemoryLimits = false } = fault;
    if (membersMin > this.#options.memberCount) return false;
    if (!needsMemoryLimits || this.#cluster.hasMemoryLimits) return true;
    this.#log.say(`left out: ${faultName(fault)} needs memory cgroups`);
    return false;
  }

  async #strikeAndHeal(
    struck: readonly ChaosFault[],
    scene: Scene,
    traffic: Traffic,
  ): Promise<void> {
    const { progress } = this.#options;
    const names = struck.map(faultName).join(" + ");
    const fromMs = performance.now();
    progress.status(names);
    await Promise.all(struck.map((fault) => this.#strike(fault, scene)));
    const healedMs = performance.now();
    progress.status(`${names}: is being healed`);
    await this.#heal();
    if (this.#isWell) await this.#progress(traffic, struck);
    const toMs = performance.now();
    this.#unsettled.push({ fromMs, toMs });
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    const healing = `${seconds(healedMs - fromMs)}, well again after ${seconds(toMs - healedMs)}`;
    if (this.#isWell) progress.line(`${this.#faultCount} ${names}: ${healing}`);
  }

  get #faultCount(): number {
    return Object.values(this.#faultsByKind).reduce((sum, count) => sum + count, 0);
  }

  get #isWell(): boolean {
    return this.#log.violations.length === 0;
  }

  async #strike(fault: ChaosFault, scene: Scene): Promise<void> {
    const name = faultName(fault);
    this.#faultsByKind[name] = (this.#faultsByKind[name] ?? 0) + 1;
    const end = this.#log.begin(name);
    await fault.strike(scene);
    end();
  }

  async #heal(): Promise<void> {
    const { network, proxy, members } = this.#cluster;
    network.heal();
    proxy.heal();
    for (const member of members) {
      member.heal();
      member.launch();
    }
    await Promise.all(members.map((member) => this.#ready(member)));
    this.#log.add({ kind: "process", text: "healed" });
  }

  async #ready(member: ChaosMember): Promise<void> {
    try {
      await member.ready();
    } catch (error) {
      this.#log.violate({ guarantee: "progress-after-heal", text: errorText(error) });
    }
  }

  /** Resolves when writes are acknowledged again, after these faults. */
  async #progress(traffic: Traffic, faults: readonly ChaosFault[]): Promise<void> {
    const limits = faults.map(({ progressLimitMs = PROGRESS_LIMIT_MS }) => progressLimitMs);
    const limitMs = Math.max(PROGRESS_LIMIT_MS, ...limits);
    const tookMs = await probeMembers(this.#cluster, traffic, limitMs);
    if (tookMs === undefined) {
      const text = `not every member acknowledged a write within ${limitMs} ms of a heal`;
      this.#log.violate({ guarantee: "progress-after-heal", text });
      return;
    }
    for (const name of faults.map(faultName)) {
      this.#waitsMsByKind[name] = Math.max(this.#waitsMsByKind[name] ?? 0, Math.round(tookMs));
    }
  }

  /** A last write behind all others, seen by all watches. What the members hold then. */
  async #settle(traffic: Traffic): Promise<readonly FinalState[]> {
    const wasWell = this.#isWell;
    for (const violation of await traffic.finish({ withinMs: END_LIMIT_MS })) {
      this.#log.violate(violation);
    }
    this.#log.say("clients have stopped");
    if (!wasWell) return [];
    try {
      const { states, violations } = await lookAtMembers(this.#cluster, traffic.newestRevision);
      for (const violation of violations) this.#log.violate(violation);
      return states;
    } catch (error) {
      this.#log.violate({ guarantee: "progress-after-heal", text: errorText(error) });
      return [];
    }
  }

  #scene(clients: Traffic): Scene {
    const random = seededRandom(this.#options.seed + 1);
    return {
      cluster: this.#cluster,
      clients,
      random,
      hold: async (leastMs, mostMs) => {
        const ms = leastMs + randomBelow(random, mostMs - leastMs + 1);
        await interruptibleWait(ms, this.#options.signal);
      },
      everyMemberWrites: async () => {
        const tookMs = await probeMembers(this.#cluster, clients, PROGRESS_LIMIT_MS);
        if (tookMs === undefined) {
          throw new Error(`not every member took a write within ${PROGRESS_LIMIT_MS} ms`);
        }
      },
      note: (text, member) => {
        this.#log.add({ kind: "fault", text, ...(member && { who: member.name }) });
      },
    };
  }

  #endedUnexpectedly({ name, output }: ChaosMember, how: number | string): void {
    const end = output.trimEnd().split("\n").slice(-3).join("\n");
    const text = `${name} ended by itself (${how}), and no fault excuses it:\n${end}`;
    this.#log.violate({ guarantee: "no-crash", text });
  }
}
