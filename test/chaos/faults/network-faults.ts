/**
 * Links that are cut, one way or both, lossy, slow, or broken for one end only. Cuts and losses are
 * the kernel's doing (network.ts), the rest is the proxy's (peer-proxy.ts).
 *
 * Not here: packets that are duplicated or overtake each other. TCP hides both; the simulator does
 * them to messages.
 */
import { randomBelow } from "@sagong/base";
import type { ChaosMember } from "../member.js";
import { CLIENTS, type Place } from "../network.js";
import { anyFollower, anyMember, shuffled } from "./choices.js";
import type { ChaosFault, Scene } from "./fault.js";

type Link = readonly [from: Place, to: Place];

const CUT_MS = [1_500, 5_000] as const;
const FLAPS = 8;

export const NETWORK_FAULTS: readonly ChaosFault[] = [
  { group: "network", name: "symmetric-cut", strike: symmetricCut },
  { group: "network", name: "asymmetric-cut", strike: asymmetricCut },
  { group: "network", name: "partial-cut", strike: partialCut },
  { group: "network", name: "majorities-ring", membersMin: 5, strike: majoritiesRing },
  { group: "network", name: "flapping", strike: flapping },
  { group: "network", name: "isolate-leader", strike: isolateLeader },
  { group: "network", name: "client-side-cut", strike: clientSideCut },
  { group: "network", name: "loss", strike: loss },
  { group: "network", name: "delay", strike: delay },
  { group: "network", name: "slow-link", strike: slowLink },
  { group: "network", name: "stall", strike: stall },
  { group: "network", name: "reset", strike: reset },
  { group: "network", name: "half-open", strike: halfOpen },
];

/** A minority on the one side, everybody else on the other. */
async function symmetricCut(scene: Scene): Promise<void> {
  const { cluster, random } = scene;
  const order = shuffled(random, cluster.members);
  const size = 1 + randomBelow(random, cluster.members.length - cluster.majority);
  const links = between(order.slice(0, size), order.slice(size));
  await cutFor(scene, bothWays(links));
}

/** It hears nobody and is heard, or the other way round. */
async function asymmetricCut(scene: Scene): Promise<void> {
  const { cluster, random } = scene;
  const member = randomBelow(random, 2) === 0 ? await cluster.leader() : anyMember(scene);
  const links = between([member], othersOf(scene, member));
  await cutFor(scene, randomBelow(random, 2) === 0 ? links : reversed(links));
}

/** Two do not see each other; those between them see both. */
async function partialCut(scene: Scene): Promise<void> {
  const leader = await scene.cluster.leader();
  await cutFor(
    scene,
    bothWays(
      between(
        [leader],
        [await anyFollower(scene)].filter((m) => m !== leader),
      ),
    ),
  );
}

/** Everybody sees a majority, nobody sees the same one: each loses the two across the ring. */
async function majoritiesRing(scene: Scene): Promise<void> {
  const ring = shuffled(scene.random, scene.cluster.members);
  const links = ring.flatMap((member, i) =>
    ring
      .filter((_, j) => {
        const steps = Math.abs(i - j);
        return Math.min(steps, ring.length - steps) > 1;
      })
      .map((other): Link => [member.name, other.name]),
  );
  await cutFor(scene, links);
}

async function flapping(scene: Scene): Promise<void> {
  const { cluster } = scene;
  const member = anyMember(scene);
  const links = bothWays(between([member], othersOf(scene, member)));
  scene.note(`cut and mended ${FLAPS} times: ${describe(links)}`);
  for (let i = 0; i < FLAPS; i++) {
    cluster.network.cut(links);
    await scene.hold(50, 600);
    cluster.network.mend(links);
    await scene.hold(50, 600);
  }
}

/** Clients still reach it. */
async function isolateLeader(scene: Scene): Promise<void> {
  const leader = await scene.cluster.leader();
  await cutFor(scene, bothWays(between([leader], othersOf(scene, leader))));
}

async function clientSideCut(scene: Scene): Promise<void> {
  const member = anyMember(scene);
  await cutFor(scene, bothWays([[CLIENTS, member.name]]));
}

async function loss(scene: Scene): Promise<void> {
  const { cluster, random } = scene;
  const share = (5 + randomBelow(random, 30)) / 100;
  const links = linksOfAll(cluster.members);
  scene.note(`${Math.round(share * 100)} % of all packets between members are lost`);
  cluster.network.lose(links, share);
  await scene.hold(...CUT_MS);
  cluster.network.mend(links);
}

async function delay(scene: Scene): Promise<void> {
  const { cluster, random } = scene;
  for (const [from, to] of linksOfAll(cluster.members)) {
    cluster.proxy.setLink(from, to, { delayMs: randomBelow(random, 300) });
  }
  scene.note("each link between members delays by up to 300 ms");
  await scene.hold(...CUT_MS);
  cluster.proxy.heal();
}

async function slowLink(scene: Scene): Promise<void> {
  const { cluster, random } = scene;
  const member = anyMember(scene);
  const bytesPerSecond = 2_000 + randomBelow(random, 30_000);
  scene.note(`its links carry ${bytesPerSecond} bytes a second`, member);
  for (const [from, to] of bothWays(between([member], othersOf(scene, member)))) {
    cluster.proxy.setLink(from, to, { bytesPerSecond });
  }
  await scene.hold(...CUT_MS);
  cluster.proxy.heal();
}

/** Packets are acknowledged, and nothing arrives: not what TCP calls a dead connection. */
async function stall(scene: Scene): Promise<void> {
  const { cluster } = scene;
  const member = anyMember(scene);
  scene.note("its connections stall", member);
  for (const [from, to] of bothWays(between([member], othersOf(scene, member)))) {
    cluster.proxy.setLink(from, to, { isStalled: true });
  }
  await scene.hold(...CUT_MS);
  cluster.proxy.heal();
}

async function reset(scene: Scene): Promise<void> {
  const { cluster } = scene;
  const member = anyMember(scene);
  for (let i = 0; i < FLAPS; i++) {
    const counts = othersOf(scene, member).map((other) =>
      cluster.proxy.reset(member.name, other.name),
    );
    scene.note(`${counts.reduce((sum, count) => sum + count, 0)} connections reset`, member);
    await scene.hold(100, 600);
  }
}

async function halfOpen(scene: Scene): Promise<void> {
  const { cluster } = scene;
  const member = anyMember(scene);
  for (const other of othersOf(scene, member)) cluster.proxy.halfOpen(member.name, other.name);
  scene.note("its connections are known to those only who made them", member);
  await scene.hold(...CUT_MS);
}

async function cutFor(scene: Scene, links: readonly Link[]): Promise<void> {
  scene.note(`cut: ${describe(links)}`);
  scene.cluster.network.cut(links);
  await scene.hold(...CUT_MS);
  scene.cluster.network.mend(links);
}

function othersOf({ cluster }: Scene, member: ChaosMember): readonly ChaosMember[] {
  return cluster.members.filter((other) => other !== member);
}

function between(some: readonly ChaosMember[], others: readonly ChaosMember[]): readonly Link[] {
  return some.flatMap(({ name }) => others.map((other): Link => [name, other.name]));
}

function linksOfAll(members: readonly ChaosMember[]): readonly Link[] {
  return between(members, members).filter(([from, to]) => from !== to);
}

function reversed(links: readonly Link[]): readonly Link[] {
  return links.map(([from, to]): Link => [to, from]);
}

function bothWays(links: readonly Link[]): readonly Link[] {
  return [...links, ...reversed(links)];
}

function describe(links: readonly Link[]): string {
  return links.map(([from, to]) => `${from} > ${to}`).join(", ");
}
