/**
 * One simulation: a cluster of real members in a world of its own, clients, and faults by a schedule
 * that follows from the seed.
 *
 *     safety    faults and traffic; raft's invariants after every event
 *     liveness  all faults are over: progress within bounded time, states equal
 *     judgement the clients' history, by the checkers
 *
 * What is thrown inside an event, or rejected with nobody listening, would have ended a real daemon:
 * it is a violation, too.
 */
import { assert, errorText, type Random } from "@sagong/base";
import type { FinalState } from "../check/check-context.js";
import { checkHistory } from "../check/check-history.js";
import { checkHashes } from "../check/members.js";
import { RaftInvariants } from "../check/raft-invariants.js";
import { FaultInjector } from "../faults/fault-injector.js";
import { planSchedule } from "../faults/plan-schedule.js";
import { digestHistory } from "../history/digest-history.js";
import type { Violation } from "../history/history.js";
import { Cluster } from "../member/cluster.js";
import type { MemberFlags } from "../member/simulated-member.js";
import { oneOf } from "../traffic/dice.js";
import { planRhythm } from "../traffic/rhythm.js";
import { trafficOn } from "../traffic/simulated-traffic.js";
import type { Traffic } from "../traffic/traffic.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { countFaultsMet } from "./faults-met.js";
import { finalStatesOf, UnsettledTimes } from "./judgement.js";
import { Liveness } from "./liveness.js";
import { MemberWatch } from "./member-watch.js";
import type { ScheduledFault, SimulateOptions, SimulationResult } from "./simulation.js";
import { Supervisor } from "./supervisor.js";

/** Mostly quiet: see traffic/rhythm.ts. */
const SAFETY_MS = 240_000;
const START_MS = 10_000;
/** Of clusters: mostly what nearly everybody has. */
const SIZES = [1, 3, 3, 3, 3, 3, 3, 3, 3, 5] as const;
/** The last restarts by which faults end: one after the other, each within ten seconds. */
const REST_MS = 60_000;
/** Of clients, until all have what was promised. */
const FINISH_MS = 40_000;

export async function simulate(options: SimulateOptions): Promise<SimulationResult> {
  const run = new Run(options);
  const onRejection = (error: unknown): void => run.crashed(error);
  process.on("unhandledRejection", onRejection);
  try {
    await run.run();
  } catch (error) {
    run.crashed(error);
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  return run.result();
}

/** Of all members: how much the log keeps, so that in many runs members need images. */
function chooseFlags(random: Random): MemberFlags {
  const snapshotCount = oneOf(random, [20, 100, 500, 10_000]);
  return {
    snapshotCount,
    snapshotCatchUpEntries: Math.ceil(snapshotCount / oneOf(random, [2, 10])),
    watchProgressNotifyIntervalMs: oneOf(random, [300, 3_000, 600_000]),
  };
}

class Run {
  readonly #options: SimulateOptions;
  readonly #world: SimulatedWorld;
  readonly #cluster: Cluster;
  readonly #invariants: RaftInvariants;
  readonly #supervisor: Supervisor;
  readonly #violations: Violation[] = [];
  readonly #unsettled = new UnsettledTimes();
  #finalStates: readonly FinalState[] = [];
  #schedule: readonly ScheduledFault[] = [];
  #traffic: Traffic | undefined;
  #injector: FaultInjector | undefined;

  constructor(options: SimulateOptions) {
    this.#options = options;
    const { seed, keepEvents = 0 } = options;
    this.#world = new SimulatedWorld(seed, { keepEvents });
    const { members = oneOf(this.#world.chance("size"), SIZES) } = options;
    const names = new Map<bigint, string>();
    this.#invariants = new RaftInvariants({
      nameOf: (id) => names.get(id) ?? id.toString(16),
      voters: members,
    });
    this.#cluster = new Cluster({
      world: this.#world,
      members,
      flags: { ...chooseFlags(this.#world.chance("flags")), ...options.flags },
      aroundLog: (log, nodeId) => this.#invariants.watch(nodeId, log),
    });
    for (const { name, nodeId } of this.#cluster.members) names.set(nodeId, name);
    this.#supervisor = new Supervisor(this.#world, this.#cluster.members);
  }

  async run(): Promise<void> {
    const world = this.#world;
    const { members } = this.#cluster;
    const { safetyMs = SAFETY_MS } = this.#options;
    const watch = new MemberWatch(members, this.#invariants, world.trace);
    watch.onLeader(() => this.#unsettled.add(world.nowMs));
    world.onSettled(() => {
      const violation = watch.look();
      if (violation) this.#add(violation);
    });
    await world.settle(this.#cluster.start(), START_MS);
    const { faults, profile } = this.#options;
    const rhythm = planRhythm(world.chance("rhythm"), { fromMs: world.nowMs, untilMs: safetyMs });
    this.#traffic = trafficOn(this.#cluster, { rhythm, ...(profile && { profile }) });
    this.#injector = new FaultInjector({
      cluster: this.#cluster,
      clients: this.#traffic,
      onForget: ({ nodeId }) => this.#invariants.forgive(nodeId),
    });
    this.#schedule =
      this.#options.schedule ??
      planSchedule(world.chance("schedule"), {
        members: members.length,
        untilMs: safetyMs,
        busy: rhythm.times,
        faults,
      });
    for (const { atMs, durationMs } of this.#schedule) this.#unsettled.add(atMs, atMs + durationMs);
    this.#traffic.start();
    this.#injector.start(this.#schedule);
    await world.runUntilTrue(() => this.#violations.length > 0, safetyMs);
    if (this.#violations.length === 0) await this.#liveness(this.#traffic, this.#injector);
    if (this.#violations.length === 0) this.#judge(this.#traffic, this.#injector);
  }

  crashed(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : errorText(error);
    this.#add({ guarantee: "no-crash", text, atMs: this.#world.nowMs });
  }

  result(): SimulationResult {
    const world = this.#world;
    const history = this.#traffic?.history;
    if (history) digestHistory(world.digest, history);
    return {
      seed: this.#options.seed,
      violations: this.#violations,
      digest: world.digestValue(),
      simulatedMs: world.nowMs,
      operations: history?.operations.length ?? 0,
      faultsByKind: this.#injector?.struck ?? {},
      faultsMet: countFaultsMet(this.#schedule, history?.operations ?? []),
      schedule: this.#schedule,
      members: this.#cluster.members.map(({ name }) => name),
      events: world.trace.events,
      ...(history && this.#options.keepEvents ? { history } : {}),
    };
  }

  async #liveness(traffic: Traffic, injector: FaultInjector): Promise<void> {
    const healedMs = this.#world.nowMs;
    injector.heal();
    const isAtRest = await this.#world.runUntilTrue(() => injector.isAtRest, healedMs + REST_MS);
    assert(isAtRest, `faults are not over ${REST_MS} ms after their end`);
    // What a disk refused while something was wrong with it, it must take now.
    for (const member of this.#cluster.members) {
      if (injector.standingOf(member) !== "damaged") this.#supervisor.forget(member);
    }
    const liveness = new Liveness(this.#cluster, {
      isLeftOut: (member) => injector.standingOf(member) === "damaged",
      start: (member) => this.#supervisor.start(member),
    });
    const isRecovered = this.#add(await liveness.recover());
    this.#unsettled.add(healedMs, this.#world.nowMs);
    if (!isRecovered) return;
    if (!this.#add(await liveness.writeEverywhere(traffic.recorder))) return;
    const late = traffic.finish({ withinMs: FINISH_MS });
    for (const violation of await this.#world.settle(late, 3 * FINISH_MS)) this.#add(violation);
    if (!this.#add(await liveness.becomeEqual())) return;
    const { members } = this.#cluster;
    this.#finalStates = await this.#world.settle(finalStatesOf(members), FINISH_MS);
  }

  #judge(traffic: Traffic, injector: FaultInjector): void {
    for (const violation of traffic.violations) this.#add(violation);
    const context = { finalStates: this.#finalStates, leaseBounds: this.#unsettled.leaseBounds };
    for (const violation of checkHistory(traffic.history, context)) this.#add(violation);
    for (const violation of checkHashes(traffic.hashes)) this.#add(violation);
    for (const { name, disk } of this.#cluster.members) {
      if (disk.writesAfterFailure === 0) continue;
      const text = `${name} wrote to its log ${disk.writesAfterFailure} times after a write of it had failed`;
      this.#add({ guarantee: "failed-write-is-last", text });
    }
    for (const member of this.#cluster.members) {
      if (!this.#supervisor.hasGivenUp(member) || injector.standingOf(member) === "damaged")
        continue;
      const text = `${member.name} does not start, and its data is whole: ${errorText(member.failure)}`;
      this.#add({ guarantee: "no-crash", text });
    }
    for (const { member, atMs, error } of this.#supervisor.stopped) {
      if (injector.standingOf(member) !== "sound") continue;
      const text = `${member.name} stopped itself, and nothing was done to its disk: ${errorText(error)}`;
      this.#add({ guarantee: "no-crash", text, atMs });
    }
  }

  /** Whether there was none. */
  #add(violation: Violation | undefined): boolean {
    if (!violation) return true;
    this.#violations.push(violation);
    this.#world.trace.add({ kind: "violation", text: `${violation.guarantee}: ${violation.text}` });
    return false;
  }
}
