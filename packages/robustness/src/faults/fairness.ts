/**
 * What a schedule may not ask of the store, because Raft does not promise it: that what was synced is
 * there again (Raft §5.2, §5.4, §8: votes, terms and logs are on stable storage).
 *
 * F1 a member is made to forget only while a majority without it has everything;
 * F2 a disk that lies does not lose power but under F1: both see to it at the moment when a fault
 *    strikes, fault-scene.ts;
 * F3 only members of one minority, chosen for the run, are damaged or have a disk that lies. The others
 *    may be killed, paused, cut off and without power, all of them and at once: nothing synced is lost.
 *
 * Whatever is fair, the store answers nothing wrong. A member that was damaged may refuse to serve, for
 * good; every other one must serve again when all faults are over.
 */
import type { Random } from "@sagong/base";
import type { ScheduledFault } from "../simulation/simulation.js";
import { shuffled } from "../traffic/dice.js";
import { coveredFault } from "./catalogue.js";

/** F3: whom the faults of a run may damage, by number from 0; nobody in a cluster of one. */
export function chooseDamageable(random: Random, members: number): readonly number[] {
  const all = Array.from({ length: members }, (_, i) => i);
  return shuffled(random, all).slice(0, Math.ceil(members / 2) - 1);
}

/** What is wrong with a schedule (F3), perhaps one that a person wrote; undefined where it is fair. */
export function unfairness(
  schedule: readonly ScheduledFault[],
  { members }: { readonly members: number },
): string | undefined {
  const struck = new Set(
    schedule
      .filter(({ fault }) => coveredFault(fault).damages)
      .map(({ parameters }) => Number(parameters["member"]) % members),
  );
  if (struck.size < members / 2) return undefined;
  return `it damages ${struck.size} of ${members} members; Raft promises nothing beyond a minority`;
}
