/** Traffic on a simulated cluster: time and chance are the world's, channels the network's. */
import { defined } from "@sagong/base";
import type { SimulatedMember } from "../member/simulated-member.js";
import type { SimulatedWorld } from "../world/simulated-world.js";
import { Traffic, type TrafficOptions } from "./traffic.js";

export interface TrafficGround {
  readonly world: SimulatedWorld;
  readonly members: readonly SimulatedMember[];
}

/** Still to be started. */
export function trafficOn({ world, members }: TrafficGround, options?: TrafficOptions): Traffic {
  const byName = new Map(members.map((member) => [member.name, member]));
  return new Traffic(
    {
      clock: world.clock,
      chance: (name) => world.chance(name),
      members: [...byName.keys()],
      connect: (client, name) => defined(byName.get(name), `${name} is a member`).channel(client),
    },
    options,
  );
}
