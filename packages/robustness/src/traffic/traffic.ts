/**
 * All clients of one run: started together, disturbed by faults, and brought to an end that can be
 * judged: no new calls, a last write that everybody must see, every watch waited for.
 *
 * The same on simulated members and on real ones: time, chance and channels are given
 * (`TrafficSurroundings`). The history is in words of history.ts and is judged elsewhere (check/).
 */
import { TaskGroup } from "@sagong/base";
import type { History, Violation } from "../history/history.js";
import { HistoryRecorder } from "../history/recording.js";
import type { MemberHash } from "../check/members.js";
import { runAuditor } from "./auditor.js";
import { compactOnce, runCompactionClient } from "./compaction-client.js";
import { runKvClient } from "./kv-client.js";
import { runLeaseClient } from "./lease-client.js";
import { runLockClient } from "./lock-client.js";
import { runObserver } from "./observer.js";
import { chooseProfile, type TrafficProfile } from "./profile.js";
import { awaitNoLeases } from "./lease-calls.js";
import type { Rhythm } from "./rhythm.js";
import { burst, largeRequests, manyWatchers, writesAt } from "./surges.js";
import { TrafficClient } from "./traffic-client.js";
import { TrafficRun, type TrafficSurroundings } from "./traffic-run.js";
import { runWatchClient } from "./watch-client.js";

export interface TrafficOptions {
  /** Left out: chosen by chance. */
  readonly profile?: TrafficProfile;
  /** When clients are busy; left out: always. */
  readonly rhythm?: Rhythm;
}

/** What faults may ask of the clients; each returns at once, and ends by itself. */
export interface TrafficSurges {
  burst(operations: number): void;
  /** So many on one member, one after the other without waiting for answers. */
  writesAt(member: string, options: { operations: number; everyMs: number }): void;
  largeRequests(durationMs: number): void;
  manyWatchers(count: number, durationMs: number): void;
  /** All readers of watches are slow for so long. */
  slowReaders(durationMs: number): void;
  compactNow(): void;
}

export interface FinishOptions {
  /** How long a healthy store may take until everybody has everything. */
  readonly withinMs: number;
}

/** Of the last writes, which everybody must see. */
const LAST_KEY = "last";
/** A healthy store shows a write to all watches in much less. */
const SHOWN_WITHIN_MS = 10_000;
const LAST_RETRY_MS = 200;

export class Traffic implements TrafficSurges {
  readonly profile: TrafficProfile;
  readonly recorder: HistoryRecorder;
  /** What members said of themselves, for `checkHashes`. */
  readonly hashes: MemberHash[] = [];
  readonly #run: TrafficRun;
  readonly #writers: TaskGroup;
  readonly #watchers: TaskGroup;
  #surges = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(surroundings: TrafficSurroundings, { profile, rhythm }: TrafficOptions = {}) {
    this.profile = profile ?? chooseProfile(surroundings.chance("traffic profile"));
    const { clock } = surroundings;
    this.recorder = new HistoryRecorder({ nowMs: () => clock.monotonicMs() });
    this.#run = new TrafficRun(surroundings, this.recorder, rhythm);
    const onError = (error: unknown): void => {
      this.#failure ??= { error };
    };
    this.#writers = new TaskGroup(onError);
    this.#watchers = new TaskGroup(onError);
  }

  get history(): History {
    return this.recorder.history;
  }

  get clientNames(): readonly string[] {
    return [...this.#run.clientNames];
  }

  /** What clients saw at once to be wrong. Histories are judged by `checkHistory`. */
  get violations(): readonly Violation[] {
    return this.#run.violations;
  }

  /** The highest revision that any client has been told of: it grows while the store makes progress. */
  get newestRevision(): number {
    return this.#run.newestRevision;
  }

  start(): void {
    const run = this.#run;
    const { profile } = this;
    this.#watchers.run("observer", () => runObserver(run));
    const onHash = (hash: MemberHash): number => this.hashes.push(hash);
    const compacts = profile.compactionMs !== undefined;
    this.#writers.run("auditor", () => runAuditor(run, { onHash, compacts }));
    each(profile.watchClients, (i) => {
      const name = `watcher${i}`;
      const isSlow = i <= profile.slowWatchClients;
      const options = { name, run, keys: profile.keys, isSlow };
      this.#watchers.run(name, () => runWatchClient(options));
    });
    each(profile.kvClients, (i) => {
      const name = `kv${i}`;
      const failsOver = i <= profile.failoverClients;
      this.#writers.run(name, () => runKvClient({ name, run, profile, failsOver }));
    });
    each(profile.leaseClients, (i) => {
      const name = `tenant${i}`;
      this.#writers.run(name, () => runLeaseClient(run, { name }));
    });
    each(profile.lockClients, (i) => {
      const name = `locker${i}`;
      this.#writers.run(name, () => runLockClient(run, { name }));
    });
    const meanMs = profile.compactionMs;
    if (meanMs !== undefined) {
      this.#writers.run("compactor", () => runCompactionClient(run, { meanMs }));
    }
  }

  burst(operations: number): void {
    const name = `burst${++this.#surges}`;
    this.#writers.run(name, () => burst(this.#run, { name, operations }));
  }

  writesAt(member: string, options: { operations: number; everyMs: number }): void {
    const name = `writer${++this.#surges}`;
    this.#writers.run(name, () => writesAt(this.#run, { ...options, name, member }));
  }

  largeRequests(durationMs: number): void {
    const name = `large${++this.#surges}`;
    this.#writers.run(name, () => largeRequests(this.#run, { name, durationMs }));
  }

  manyWatchers(count: number, durationMs: number): void {
    const name = `crowd${++this.#surges}`;
    this.#watchers.run(name, () => manyWatchers(this.#run, { name, count, durationMs }));
  }

  slowReaders(durationMs: number): void {
    this.#run.slowReadersUntilMs = this.#run.nowMs + durationMs;
  }

  compactNow(): void {
    const client = new TrafficClient(`compactor${++this.#surges}`, this.#run);
    this.#writers.run(client.name, async () => {
      await compactOnce(client);
      await client.close();
    });
  }

  /**
   * When all faults are over: ends all clients. Answers what a store without faults must do and this
   * one did not, within `withinMs`: end every call, end the leases that nobody renews (what they
   * delete later nobody would see), take a write, show it to every watch. Rejects where
   * a client has failed in a way that is no answer of a store: that is a mistake in the clients.
   */
  async finish({ withinMs }: FinishOptions): Promise<readonly Violation[]> {
    const run = this.#run;
    const untilMs = run.nowMs + withinMs;
    const leftMs = (): number => Math.max(0, untilMs - run.nowMs);
    const missing: string[] = [];
    run.isStopping = true;
    if (!(await run.until(() => this.#writers.size === 0, leftMs()))) {
      missing.push(`${this.#writers.size} clients still wait for the end of a call`);
    }
    if (!(await awaitNoLeases(run, leftMs()))) missing.push("leases live that nobody renews");
    missing.push(...(await this.#showLast(leftMs)));
    run.isOver = true;
    for (const stream of run.openStreams) stream.end();
    await run.until(() => this.#watchers.size === 0, withinMs);
    if (this.#failure) throw this.#failure.error;
    return missing.map((what) => ({
      guarantee: "progress-after-heal",
      text: `${withinMs / 1000} s after the last fault ${what}`,
      atMs: run.nowMs,
    }));
  }

  /**
   * Takes a write and shows it to every watch. Another one where that takes long: a member that ended
   * meanwhile has left watches that begin behind the first, and nobody tells those how far they are.
   */
  async #showLast(leftMs: () => number): Promise<readonly string[]> {
    for (;;) {
      const revision = await this.#writeLast(leftMs());
      if (revision === undefined) return ["no write is acknowledged any more"];
      const missing = await this.#awaitWatches(revision, Math.min(leftMs(), SHOWN_WITHIN_MS));
      if (missing.length === 0 || leftMs() === 0) return missing;
    }
  }

  /**
   * Behind all revisions that a watch was asked to start at, and all that anybody was told of: a store
   * that has lost some is looked at by its members' states, too. Undefined where it takes too long.
   */
  async #writeLast(withinMs: number): Promise<number | undefined> {
    const run = this.#run;
    const client = new TrafficClient("last", run);
    const untilMs = run.nowMs + withinMs;
    const toldRevision = run.newestRevision;
    while (run.nowMs < untilMs) {
      const value = run.uniqueValue(client.name);
      const outcome = await client.perform({ kind: "put", key: LAST_KEY, value });
      if (outcome.kind !== "answered") await run.sleep(LAST_RETRY_MS);
      else if (outcome.response.revision > Math.max(run.watchedFromRevision, toldRevision)) {
        await client.close();
        return outcome.response.revision;
      }
    }
    return undefined;
  }

  async #awaitWatches(revision: number, withinMs: number): Promise<string[]> {
    const run = this.#run;
    const late = (): number =>
      [...run.openStreams].filter((stream) => !stream.hasReached(revision)).length;
    const isSeen = (): boolean => run.observedRevision >= revision && late() === 0;
    const isComplete = await run.until(isSeen, withinMs);
    for (const stream of run.openStreams) {
      if (stream.hasReached(revision)) stream.conclude();
    }
    if (isComplete) return [];
    return [
      `revision ${revision} is not known to ${late()} watch streams; the observer is at ${run.observedRevision}`,
    ];
  }
}

function each(count: number, start: (number: number) => void): void {
  for (let i = 1; i <= count; i++) start(i);
}
