/**
 * The liveness phase: all faults are over, every machine has power, and what was promised must come
 * about in bounded time. Each bound is generous against the product's own time limits: an election
 * takes one to two seconds, a channel comes back within one, a silent connection is given up after
 * 15 s.
 *
 * Verified: every member serves and knows a leader; a write on each member is acknowledged; the
 * members' applied states become the same, byte for byte.
 * Not verified: members that refuse the data that a fault has damaged; they are to refuse it.
 */
import { errorText } from "@sagong/base";
import type { Outcome, Violation } from "../history/history.js";
import type { HistoryRecorder } from "../history/recording.js";
import type { Cluster } from "../member/cluster.js";
import type { Machine } from "../member/machine.js";

/** Until a leader is known everywhere. */
const LEADER_MS = 40_000;
/** Until a write on each member is acknowledged. */
const WRITE_MS = 40_000;
const WRITE_TIMEOUT_MS = 5_000;
const WRITE_PAUSE_MS = 200;
/** Until the applied states are the same, images included. */
const EQUAL_MS = 60_000;
const EQUAL_LOOK_MS = 250;

/** As it stands in the history. */
const CLIENT = "liveness";

export interface LivenessOptions {
  /** Its data was damaged by a fault: it may refuse to serve for good. Never a majority. */
  readonly isLeftOut: (member: Machine) => boolean;
  readonly start: (member: Machine) => void;
}

export class Liveness {
  readonly #cluster: Cluster;
  readonly #options: LivenessOptions;

  constructor(cluster: Cluster, options: LivenessOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  get members(): readonly Machine[] {
    return this.#cluster.members.filter((member) => !this.#options.isLeftOut(member));
  }

  /** Starts what does not run, and waits until all know a leader. */
  async recover(): Promise<Violation | undefined> {
    const { world, members } = this.#cluster;
    for (const member of members) {
      if (!member.isRunning && !this.#options.isLeftOut(member)) this.#options.start(member);
    }
    const knowsLeader = (member: Machine): boolean => member.raftStatus()?.leaderId !== undefined;
    const isDone = (): boolean => this.members.every(knowsLeader);
    if (await world.runUntilTrue(isDone, world.nowMs + LEADER_MS)) return undefined;
    const states = members.map((member) => `${member.name} ${stateOf(member)}`).join(", ");
    return this.#violation(`no leader that all know within ${LEADER_MS} ms: ${states}`);
  }

  async writeEverywhere(recorder: HistoryRecorder): Promise<Violation | undefined> {
    const { world } = this.#cluster;
    let writes = 0;
    for (const member of this.members) {
      const untilMs = world.nowMs + WRITE_MS;
      for (;;) {
        const value = `${CLIENT}.${++writes}`;
        const call = write(member, recorder, value);
        const outcome = await world.settle(call, 2 * WRITE_TIMEOUT_MS);
        if (outcome.kind === "answered") break;
        await world.runUntil(world.nowMs + WRITE_PAUSE_MS);
        if (world.nowMs < untilMs) continue;
        return this.#violation(
          `a write on ${member.name} was not acknowledged within ${WRITE_MS} ms: ${outcome.error}`,
        );
      }
    }
    return undefined;
  }

  async becomeEqual(): Promise<Violation | undefined> {
    const { world } = this.#cluster;
    const untilMs = world.nowMs + EQUAL_MS;
    let states: string[] = [];
    while (world.nowMs < untilMs) {
      const digests = this.members.map((member) => member.appliedDigest());
      const [first] = digests;
      if (first && digests.every((other) => other?.index === first.index)) {
        if (digests.every((other) => other?.digest === first.digest)) return undefined;
        return {
          guarantee: "members-equal",
          atMs: world.nowMs,
          text:
            `the applied states of index ${first.index} differ: ` +
            this.members.map(({ name }, i) => `${name} ${digests[i]?.digest}`).join(", "),
        };
      }
      states = this.members.map(({ name }, i) => `${name} at ${digests[i]?.index}`);
      await world.runUntil(world.nowMs + EQUAL_LOOK_MS);
    }
    return this.#violation(
      `members have not applied the same within ${EQUAL_MS} ms: ${states.join(", ")}`,
    );
  }

  #violation(text: string): Violation {
    return { guarantee: "liveness", text, atMs: this.#cluster.world.nowMs };
  }
}

/** In the history, too: the judges know every write. */
async function write(member: Machine, recorder: HistoryRecorder, value: string): Promise<Outcome> {
  const channel = member.channel(CLIENT);
  try {
    const key = `${CLIENT}/${member.name}`;
    return await recorder.perform(
      { client: CLIENT, member: member.name, channel },
      { kind: "put", key, value },
      { timeoutMs: WRITE_TIMEOUT_MS },
    );
  } finally {
    await channel.close();
  }
}

function stateOf(member: Machine): string {
  const status = member.raftStatus();
  if (status) return `${status.role} in term ${status.term}`;
  const why = member.failure === undefined ? "" : ` (${errorText(member.failure)})`;
  return member.isRunning ? "starting" : `not running${why}`;
}
