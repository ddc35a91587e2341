/**
 * Lets the faults of a schedule strike a simulated cluster, each at its time and for its time, and
 * ends all of them. Each is in the trace with its two ends.
 */
import type { SimulatedMember } from "../member/simulated-member.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import type { Timer } from "@sagong/base";
import { coveredFault } from "./catalogue.js";
import { unfairness } from "./fairness.js";
import { type DiskStanding, FaultScene, type FaultSceneOptions, type Undo } from "./fault-scene.js";

export class FaultInjector {
  /** How often each has struck. */
  readonly struck: Record<string, number> = {};
  readonly #scene: FaultScene;
  readonly #timers: Timer[] = [];
  readonly #active = new Set<() => void>();
  #pairs = 0;

  constructor(options: FaultSceneOptions) {
    this.#scene = new FaultScene(options);
  }

  /** Throws where it is unfair, or has a fault that is not in the catalogue, before any has struck. */
  start(schedule: readonly ScheduledFault[]): void {
    const { world, members } = this.#scene;
    const unfair = unfairness(schedule, { members: members.length });
    if (unfair !== undefined) throw new Error(`Cannot inject a schedule: ${unfair}`);
    const known = schedule.map((planned) => ({ planned, fault: coveredFault(planned.fault) }));
    for (const { planned, fault } of known) {
      const begin = (): void => this.#begin(planned, fault.apply(this.#scene, planned));
      this.#timers.push(world.after(Math.max(0, planned.atMs - world.nowMs), begin));
    }
  }

  /** What a member's disk went through: whether it may stop itself, and refuse to start again. */
  standingOf(member: SimulatedMember): DiskStanding {
    return this.#scene.standingOf(member);
  }

  /**
   * Ends all faults, and whatever they have left wrong: links, disks, clocks. Members that do not run
   * are started; those that are paused go on in their time, and those that have flags of a fault are
   * restarted, one after the other: until all are, it is not over (`isAtRest`).
   */
  heal(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    for (const end of this.#active) end();
    const { network, members } = this.#scene;
    network.heal();
    for (const member of members) {
      member.disk.faults.clear();
      member.clock.setRate(1);
      this.#scene.start(member);
    }
  }

  get isAtRest(): boolean {
    return this.#scene.isAtRest;
  }

  #begin(planned: ScheduledFault, undo: Undo | void): void {
    const { world } = this.#scene;
    const { fault, durationMs, parameters } = planned;
    this.struck[fault] = (this.struck[fault] ?? 0) + 1;
    const text = (): string => `${fault} ${JSON.stringify(parameters)}`;
    if (durationMs === 0) {
      world.trace.add({ kind: "fault", text });
      return undo?.();
    }
    const pair = ++this.#pairs;
    world.trace.add({ kind: "fault", text, pair, phase: "begin" });
    const end = (): void => {
      if (!this.#active.delete(end)) return;
      timer.cancel();
      world.trace.add({ kind: "fault", text, pair, phase: "end" });
      undo?.();
    };
    this.#active.add(end);
    const timer = world.after(durationMs, end);
  }
}
