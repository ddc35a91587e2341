/** Who is struck. */
import { type Random, randomBelow } from "@sagong/base";
import type { ChaosMember } from "../member.js";
import type { Scene } from "./fault.js";

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[randomBelow(random, items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

/** In an order of chance (Fisher and Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const rest = [...items];
  return items.map(() => {
    const [item] = rest.splice(randomBelow(random, rest.length), 1);
    // `rest` has as many left as `items` has to come.
    return item as T;
  });
}

export function anyMember({ cluster, random }: Scene): ChaosMember {
  return pick(random, cluster.members);
}

export async function anyFollower({ cluster, random }: Scene): Promise<ChaosMember> {
  const leader = await cluster.leader();
  return pick(
    random,
    cluster.members.filter((member) => member !== leader),
  );
}

/** As few as make a majority, with the leader among them. */
export async function aMajority({ cluster, random }: Scene): Promise<readonly ChaosMember[]> {
  const leader = await cluster.leader();
  const others = cluster.members.filter((member) => member !== leader);
  return [leader, ...shuffled(random, others)].slice(0, cluster.majority);
}
