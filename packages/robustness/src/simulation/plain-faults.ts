/** The least that goes wrong: kills, pauses, cuts. */
import { type Random, randomBelow, randomFraction } from "@sagong/base";
import type { Machine } from "../member/machine.js";
import type { Cluster } from "../member/cluster.js";
import type { ScheduledFault } from "./simulation.js";

const KINDS = ["process/kill", "process/power", "process/pause", "network/isolate"] as const;
const MEAN_PAUSE_MS = 6_000;

export function planFaults(random: Random, cluster: Cluster, untilMs: number): ScheduledFault[] {
  const schedule: ScheduledFault[] = [];
  for (let atMs = 3_000; ;) {
    atMs += randomFraction(random) * 2 * MEAN_PAUSE_MS;
    const durationMs = 500 + randomFraction(random) * 4_000;
    if (atMs + durationMs > untilMs) return schedule;
    const fault = KINDS[randomBelow(random, KINDS.length)] ?? KINDS[0];
    const member = cluster.members[randomBelow(random, cluster.members.length)]?.name;
    schedule.push({ fault, atMs, durationMs, parameters: { member } });
  }
}

export function beginFault(
  { fault, durationMs, parameters }: ScheduledFault,
  cluster: Cluster,
): void {
  const member = memberOf(cluster, parameters);
  if (fault === "process/kill") member.kill("process");
  else if (fault === "process/power") member.kill("power");
  else if (fault === "process/pause") member.pause(durationMs);
  else {
    cluster.network.cut(member.name, "*");
    cluster.network.cut("*", member.name);
  }
}

export function endFault({ fault, parameters }: ScheduledFault, cluster: Cluster): void {
  const member = memberOf(cluster, parameters);
  if (fault === "process/kill" || fault === "process/power") member.start().catch(() => {});
  else if (fault === "network/isolate") {
    cluster.network.mend(member.name, "*");
    cluster.network.mend("*", member.name);
  }
}

function memberOf(cluster: Cluster, parameters: ScheduledFault["parameters"]): Machine {
  const member = cluster.members.find(({ name }) => name === parameters["member"]);
  if (!member) throw new Error(`Cannot do anything to member ${String(parameters["member"])}`);
  return member;
}
