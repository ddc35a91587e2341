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
import { errorText } from "@sagong/base";
import type { FinalState } from "../check/check-context.js";
import { checkHistory } from "../check/check-history.js";
import { RaftInvariants } from "../check/raft-invariants.js";
import type { Violation } from "../history/history.js";
import { Cluster } from "../member/cluster.js";
import { trafficOn } from "../traffic/simulated-traffic.js";
import type { Traffic } from "../traffic/traffic.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { finalStatesOf, UnsettledTimes } from "./judgement.js";
import { Liveness } from "./liveness.js";
import { MemberWatch } from "./member-watch.js";
import { beginFault, endFault, planFaults } from "./plain-faults.js";
import type { ScheduledFault, SimulateOptions, SimulationResult } from "./simulation.js";
import { Supervisor } from "./supervisor.js";

const SAFETY_MS = 60_000;
const START_MS = 10_000;
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

class Run {
  readonly #options: SimulateOptions;
  readonly #world: SimulatedWorld;
  readonly #cluster: Cluster;
  readonly #invariants: RaftInvariants;
  readonly #supervisor: Supervisor;
  readonly #violations: Violation[] = [];
  readonly #active = new Set<ScheduledFault>();
  readonly #struck: Record<string, number> = {};
  readonly #unsettled = new UnsettledTimes();
  #finalStates: readonly FinalState[] = [];
  #schedule: readonly ScheduledFault[] = [];
  #traffic: Traffic | undefined;

  constructor(options: SimulateOptions) {
    this.#options = options;
    const { seed, members = 3, keepEvents = 0 } = options;
    this.#world = new SimulatedWorld(seed, { keepEvents });
    const names = new Map<bigint, string>();
    this.#invariants = new RaftInvariants({ nameOf: (id) => names.get(id) ?? id.toString(16) });
    this.#cluster = new Cluster({
      world: this.#world,
      members,
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
    this.#schedule =
      this.#options.schedule ?? planFaults(world.chance("schedule"), this.#cluster, safetyMs);
    for (const fault of this.#schedule) this.#arm(fault);
    this.#traffic = trafficOn(this.#cluster);
    this.#traffic.start();
    await world.runUntilTrue(() => this.#violations.length > 0, safetyMs);
    if (this.#violations.length === 0) await this.#liveness(this.#traffic);
    if (this.#violations.length === 0) this.#judge(this.#traffic);
  }

  crashed(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : errorText(error);
    this.#add({ guarantee: "no-crash", text, atMs: this.#world.nowMs });
  }

  result(): SimulationResult {
    const world = this.#world;
    const history = this.#traffic?.history;
    if (history) world.digest.text(JSON.stringify(history));
    return {
      seed: this.#options.seed,
      violations: this.#violations,
      digest: world.digestValue(),
      simulatedMs: world.nowMs,
      operations: history?.operations.length ?? 0,
      faultsByKind: this.#struck,
      schedule: this.#schedule,
      members: this.#cluster.members.map(({ name }) => name),
      events: world.trace.events,
      ...(history && this.#options.keepEvents ? { history } : {}),
    };
  }

  #arm(fault: ScheduledFault): void {
    const world = this.#world;
    const pair = world.trace.nextPair();
    const text = (): string => `${fault.fault} ${JSON.stringify(fault.parameters)}`;
    world.after(Math.max(0, fault.atMs - world.nowMs), () => {
      world.trace.add({ kind: "fault", text, pair, phase: "begin" });
      this.#active.add(fault);
      this.#struck[fault.fault] = (this.#struck[fault.fault] ?? 0) + 1;
      beginFault(fault, this.#cluster);
      this.#unsettled.add(world.nowMs, world.nowMs + fault.durationMs);
      world.after(fault.durationMs, () => {
        if (!this.#active.delete(fault)) return;
        world.trace.add({ kind: "fault", text, pair, phase: "end" });
        endFault(fault, this.#cluster);
      });
    });
  }

  async #liveness(traffic: Traffic): Promise<void> {
    for (const fault of this.#active) endFault(fault, this.#cluster);
    this.#active.clear();
    this.#cluster.network.heal();
    const liveness = new Liveness(this.#cluster, this.#supervisor);
    const healedMs = this.#world.nowMs;
    const isRecovered = this.#add(await liveness.recover());
    this.#unsettled.add(healedMs, this.#world.nowMs);
    if (!isRecovered || !liveness.hasMajority) return;
    if (!this.#add(await liveness.writeEverywhere(traffic.recorder))) return;
    const late = traffic.finish({ withinMs: FINISH_MS });
    for (const violation of await this.#world.settle(late, 3 * FINISH_MS)) this.#add(violation);
    if (!this.#add(await liveness.becomeEqual())) return;
    const { members } = this.#cluster;
    this.#finalStates = await this.#world.settle(finalStatesOf(members), FINISH_MS);
  }

  #judge(traffic: Traffic): void {
    for (const violation of traffic.violations) this.#add(violation);
    const context = { finalStates: this.#finalStates, leaseBounds: this.#unsettled.leaseBounds };
    for (const violation of checkHistory(traffic.history, context)) this.#add(violation);
    for (const { member, atMs, error } of this.#supervisor.stopped) {
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
