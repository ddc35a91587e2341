/**
 * What the clients of one run share: their surroundings, the recorder, what is known of the store by
 * its answers, and whether it is time to stop. Time, chance and channels are given, so that the same
 * clients work under simulation and on real processes.
 */
import type { Clock, Random } from "@sagong/base";
import type { Channel } from "@sagong/rpc";
import type { KvResponse, Violation } from "../history/history.js";
import type { HistoryRecorder } from "../history/recording.js";
import type { Rhythm } from "./rhythm.js";
import type { WatchStream } from "./watch-stream.js";

export interface TrafficSurroundings {
  /** The observer's; monotonic time is what the history tells. */
  readonly clock: Clock;
  /** A stream of chance of its own for each name. */
  readonly chance: (name: string) => Random;
  readonly members: readonly string[];
  /** A client's connection to a member; each is asked for once and closed at the end. */
  readonly connect: (client: string, member: string) => Channel;
}

export class TrafficRun {
  readonly surroundings: TrafficSurroundings;
  readonly recorder: HistoryRecorder;
  /** What clients see is wrong at once, without a look at anybody else's history. */
  readonly violations: Violation[] = [];
  /** The highest revision that any answer told of; 1 is that of an empty store. */
  newestRevision = 1;
  /** Up to here the observer has all events: compacting more could make holes in what it knows. */
  observedRevision = 0;
  /** Of acknowledged compactions. */
  compactedRevision = 0;
  /** The highest revision at which a watch was asked to start. */
  watchedFromRevision = 0;
  /** Of all clients so far, as the network knows them. */
  readonly clientNames: Set<string> = new Set();
  /** All that are being read. */
  readonly openStreams: Set<WatchStream> = new Set();
  /** Until then all readers of watches are slow. */
  slowReadersUntilMs = 0;
  /** Clients end after what they are doing; watchers stay, and read at once. */
  isStopping = false;
  /** Watchers end, too. */
  isOver = false;
  readonly #rhythm: Rhythm | undefined;
  #values = 0;

  /** Without a rhythm its clients are always busy. */
  constructor(surroundings: TrafficSurroundings, recorder: HistoryRecorder, rhythm?: Rhythm) {
    this.surroundings = surroundings;
    this.recorder = recorder;
    this.#rhythm = rhythm;
  }

  get nowMs(): number {
    return this.surroundings.clock.monotonicMs();
  }

  /** Until the next burst; 0 where clients are busy, and when the run ends. */
  get quietMs(): number {
    return this.isStopping ? 0 : (this.#rhythm?.quietMs(this.nowMs) ?? 0);
  }

  /** A value that nobody else writes (H2 in history.ts); `sizeBytes` where it is to be long. */
  uniqueValue(client: string, sizeBytes = 0): string {
    return `${client}.${++this.#values}`.padEnd(sizeBytes, "~");
  }

  learn(response: KvResponse): void {
    this.newestRevision = Math.max(this.newestRevision, response.revision);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.surroundings.clock.schedule(ms, resolve);
    });
  }

  /** Until `isTrue`, looked at every `POLL_MS`; false where it did not come within `withinMs`. */
  async until(isTrue: () => boolean, withinMs: number): Promise<boolean> {
    const untilMs = this.nowMs + withinMs;
    while (!isTrue()) {
      if (this.nowMs >= untilMs) return false;
      await this.sleep(POLL_MS);
    }
    return true;
  }
}

/** Fine enough for an end that takes seconds. */
const POLL_MS = 100;
