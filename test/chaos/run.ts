/**
 * One run: members start, clients work, faults strike one after the other (sometimes two at once),
 * each is healed and must be followed by progress; at the end everything that clients saw is checked.
 *
 * R1 what is struck, and in which order, follows from the seed; what becomes of it does not.
 * R2 after each heal a write at every member must be acknowledged within `PROGRESS_LIMIT_MS`.
 */
import { errorText, randomBelow, seededRandom } from "@sagong/base";
import { type History, HistoryRecorder, type TraceEvent, type Violation } from "@sagong/robustness";
import { until } from "../support/until.js";
import { checkHashes, checkObservers } from "./checks.js";
import { ChaosCluster } from "./cluster.js";
import { shuffled } from "./faults/choices.js";
import { type ChaosFault, faultName, type Scene } from "./faults/fault.js";
import type { ChaosMember } from "./member.js";
import { PREFIX } from "./traffic/choose-request.js";
import { interruptibleWait, KvClients } from "./traffic/kv-clients.js";
import { LeaseClient } from "./traffic/lease-clients.js";
import { Observer, PassersBy } from "./traffic/watchers.js";

/** Far above what it takes, for machines that are busy; the longest that it took is reported. */
const PROGRESS_LIMIT_MS = 30_000;
const END_LIMIT_MS = 60_000;
/** Of every hundred faults so many have company. */
const COMPANY_PERCENT = 25;
/** Between a heal and the next fault: some time in which all is well. */
const CALM_MS = [300, 1_500] as const;
const CLIENTS_PER_MEMBER = 4;

export interface ChaosOptions {
  readonly seed: number;
  readonly memberCount: number;
  readonly durationMs: number;
  readonly faults: readonly ChaosFault[];
  readonly operationsPerSecond: number;
  /** For logs and disks of members. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** For whoever watches: a line of what happens now. */
  readonly onProgress: (line: string) => void;
}

export interface ChaosResult {
  readonly seed: number;
  readonly durationMs: number;
  readonly operations: number;
  readonly acknowledgedWrites: number;
  readonly events: number;
  /** How often each struck, by `group/name`. */
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** From a heal to the first write that was asked for since and acknowledged. */
  readonly longestWaitMs: number;
  readonly violations: readonly Violation[];
  readonly trace: readonly TraceEvent[];
  readonly history: History;
}

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
  readonly #startMs = performance.now();
  readonly #trace: TraceEvent[] = [];
  readonly #violations: Violation[] = [];
  readonly #faultsByKind: Record<string, number> = {};
  readonly #recorder: HistoryRecorder;
  readonly #cluster: ChaosCluster;
  readonly #waiting = new Set<(calledMs: number) => void>();
  #hasPassed = false;
  #acknowledgedWrites = 0;
  #longestWaitMs = 0;
  #pair = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#recorder = new HistoryRecorder({ nowMs: () => this.#nowMs() });
    this.#cluster = new ChaosCluster({
      count: options.memberCount,
      folder: options.folder,
      onUnexpectedEnd: (member, how) => this.#endedUnexpectedly(member, how),
    });
  }

  async run(): Promise<ChaosResult> {
    const { seed, memberCount, operationsPerSecond } = this.#options;
    const cluster = this.#cluster;
    const recorder = this.#recorder;
    await cluster.start();
    this.#say(`${memberCount} members serve`);
    const observers = cluster.members.map((member) => new Observer({ cluster, member, recorder }));
    const passersBy = cluster.members.map(
      (member, i) => new PassersBy({ cluster, member, recorder, seed: seed + 2_000 + i }),
    );
    const lessees = cluster.members.map(
      (member, i) => new LeaseClient({ cluster, member, recorder, seed: seed + 1_000 + i }),
    );
    const clients = new KvClients({
      seed,
      cluster,
      recorder,
      clientCount: CLIENTS_PER_MEMBER * memberCount,
      operationsPerSecond,
      onAcknowledged: (calledMs) => this.#acknowledged(calledMs),
    });
    try {
      await this.#strikeUntilOver();
    } finally {
      await Promise.all([clients, ...lessees, ...passersBy].map((traffic) => traffic.stop()));
      this.#say("clients have stopped");
    }
    try {
      await this.#settle(observers);
    } catch (error) {
      this.#violate({ guarantee: "liveness-after-heal", text: errorText(error) });
    } finally {
      await Promise.all(observers.map((observer) => observer.stop()));
    }
    return this.#result(observers);
  }

  /** What went wrong can be looked at: members' data stay. */
  async close(): Promise<void> {
    await this.#cluster.close({ keepData: !this.#hasPassed });
  }

  async #strikeUntilOver(): Promise<void> {
    const { seed, durationMs, signal, faults, memberCount } = this.#options;
    const random = seededRandom(seed);
    const possible = faults.filter(({ membersMin = 1 }) => membersMin <= memberCount);
    if (possible.length === 0) throw new Error("none of the faults is for so few members");
    const scene = this.#scene();
    let deck: ChaosFault[] = [];
    await this.#progress();
    while (this.#nowMs() < durationMs && !signal.aborted && this.#violations.length === 0) {
      // Each fault once, then each once more: a short run has struck with all kinds.
      if (deck.length === 0) deck = shuffled(random, possible);
      const hasCompany =
        randomBelow(random, 100) < COMPANY_PERCENT &&
        deck.slice(0, 2).every(({ isAlone }) => isAlone !== true);
      const struck = deck.splice(0, hasCompany ? 2 : 1);
      await Promise.all(struck.map((fault) => this.#strike(fault, scene)));
      await this.#heal();
      await this.#progress();
      const [least, most] = CALM_MS;
      await scene.hold(least, most);
    }
  }

  async #strike(fault: ChaosFault, scene: Scene): Promise<void> {
    const name = faultName(fault);
    const pair = ++this.#pair;
    this.#faultsByKind[name] = (this.#faultsByKind[name] ?? 0) + 1;
    this.#add({ kind: "fault", text: name, phase: "begin", pair });
    this.#options.onProgress(name);
    await fault.strike(scene);
    this.#add({ kind: "fault", text: name, phase: "end", pair });
  }

  async #heal(): Promise<void> {
    const { network, proxy, members } = this.#cluster;
    network.heal();
    proxy.heal();
    for (const member of members) {
      member.heal();
      if (member.isRunning) continue;
      this.#add({ kind: "process", who: member.name, text: "starts" });
      member.launch();
    }
    await Promise.all(members.map((member) => this.#ready(member)));
    this.#say("healed");
  }

  async #ready(member: ChaosMember): Promise<void> {
    try {
      await member.ready();
    } catch (error) {
      this.#violate({ guarantee: "liveness-after-heal", text: errorText(error) });
    }
  }

  /** Resolves when writes are acknowledged again. */
  async #progress(): Promise<void> {
    const sinceMs = performance.now();
    const tookMs = await new Promise<number>((resolve) => {
      const end = (tookMs: number): void => {
        clearTimeout(timer);
        this.#waiting.delete(listener);
        resolve(tookMs);
      };
      const listener = (calledMs: number): void => {
        if (calledMs >= sinceMs) end(performance.now() - sinceMs);
      };
      const timer = setTimeout(() => end(Infinity), PROGRESS_LIMIT_MS);
      this.#waiting.add(listener);
    });
    if (tookMs === Infinity) {
      this.#violate({
        guarantee: "liveness-after-heal",
        text: `no write was acknowledged within ${PROGRESS_LIMIT_MS} ms of a heal`,
      });
      return;
    }
    this.#longestWaitMs = Math.max(this.#longestWaitMs, tookMs);
  }

  /** A mark behind all other writes, seen by all; equal hashes at it. */
  async #settle(observers: readonly Observer[]): Promise<void> {
    const [member] = this.#cluster.members;
    if (!member) throw new Error("no members");
    const channel = this.#cluster.channel(member);
    try {
      const asking = { client: "closer", member: member.name, channel };
      const revision = await until("the last write is acknowledged", END_LIMIT_MS, async () => {
        const value = `end-${this.#nowMs()}`;
        const request = { kind: "put", key: `${PREFIX}end`, value } as const;
        const outcome = await this.#recorder.perform(asking, request, { timeoutMs: 3_000 });
        if (outcome.kind !== "answered") throw new Error(outcome.error);
        return outcome.response.revision;
      });
      for (const observer of observers) {
        try {
          await observer.reach(revision, END_LIMIT_MS);
        } catch (error) {
          this.#violate({ guarantee: "watch-reliable", text: errorText(error) });
        }
      }
      for (const violation of await checkHashes(this.#cluster, revision)) this.#violate(violation);
    } finally {
      await channel.close();
    }
  }

  #result(observers: readonly Observer[]): ChaosResult {
    const history = this.#recorder.history;
    const clients = observers.map(({ client }) => client);
    for (const violation of checkObservers(history, clients)) this.#violate(violation);
    this.#hasPassed = this.#violations.length === 0;
    return {
      seed: this.#options.seed,
      durationMs: this.#nowMs(),
      operations: history.operations.length,
      acknowledgedWrites: this.#acknowledgedWrites,
      events: history.watches
        .flatMap(({ responses }) => responses)
        .reduce((sum, { events }) => sum + events.length, 0),
      faultsByKind: this.#faultsByKind,
      longestWaitMs: this.#longestWaitMs,
      violations: this.#violations,
      trace: this.#trace,
      history,
    };
  }

  #scene(): Scene {
    const random = seededRandom(this.#options.seed + 1);
    return {
      cluster: this.#cluster,
      random,
      hold: async (leastMs, mostMs) => {
        const ms = leastMs + randomBelow(random, mostMs - leastMs + 1);
        await interruptibleWait(ms, this.#options.signal);
      },
      note: (text, member) => {
        this.#add({ kind: "fault", text, ...(member && { who: member.name }) });
      },
    };
  }

  #acknowledged(calledMs: number): void {
    this.#acknowledgedWrites++;
    for (const listener of this.#waiting) listener(calledMs);
  }

  #endedUnexpectedly(member: ChaosMember, how: number | string): void {
    const end = member.output.trimEnd().split("\n").slice(-3).join("\n");
    this.#violate({
      guarantee: "stays-up",
      text: `${member.name} ended by itself (${how}), with no fault to excuse it:\n${end}`,
    });
  }

  #violate(violation: Violation): void {
    this.#violations.push({ atMs: this.#nowMs(), ...violation });
    this.#add({ kind: "violation", text: `${violation.guarantee}: ${violation.text}` });
    this.#options.onProgress(`VIOLATED ${violation.guarantee}: ${violation.text}`);
  }

  #say(text: string): void {
    this.#add({ kind: "process", text });
    this.#options.onProgress(text);
  }

  #add(event: Omit<TraceEvent, "atMs">): void {
    this.#trace.push({ atMs: this.#nowMs(), ...event });
  }

  #nowMs(): number {
    return performance.now() - this.#startMs;
  }
}
