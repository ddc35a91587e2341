/** Clients that ask for much or take little, and leases whose leader is away. */
import { between, happens } from "../traffic/dice.js";
import { type Fault, numberOf } from "./fault.js";

const AUTH = "authentication is not in the store yet";
/** Longer than the shortest lease (2 s at etcd's default election timeout). */
const LEASE_MS: readonly [number, number] = [2_500, 10_000];

export const SERVICE_FAULTS: readonly Fault[] = [
  {
    group: "service",
    name: "slow-watchers",
    items: ["slow watcher"],
    isCovered: true,
    promise: "a reader that is late misses nothing, and keeps nobody else waiting",
    plan: (random) => ({ durationMs: between(random, [3_000, 15_000]), parameters: {} }),
    apply: ({ clients }, { durationMs }) => clients?.slowReaders(durationMs),
  },
  {
    group: "service",
    name: "many-watchers",
    items: ["10k watchers"],
    isCovered: true,
    promise: "each sees its events, in order and once",
    plan: (random) => ({
      durationMs: between(random, [1_000, 4_000]),
      // Ten thousand take a core longer than all else in a minute of a run: seldom.
      parameters: { count: happens(random, 0.02) ? 10_000 : between(random, [50, 500]) },
    }),
    apply: ({ clients }, planned) =>
      clients?.manyWatchers(numberOf(planned, "count"), planned.durationMs),
  },
  {
    group: "service",
    name: "lease-expiry-under-pause",
    items: ["lease expiry under pause"],
    isCovered: true,
    promise: "no lease ends before its time; each ends within its bound once there is a leader",
    plan: (random) => ({ durationMs: between(random, LEASE_MS), parameters: {} }),
    apply: (scene, { durationMs }) => (scene.leader ?? scene.member(0)).pause(durationMs),
  },
  {
    group: "service",
    name: "old-leader-revoke",
    items: ["old leader revoke"],
    isCovered: true,
    membersMin: 3,
    promise: "a leader that was deposed without knowing it ends no lease (etcd #12528, #15247)",
    plan: (random) => ({ durationMs: between(random, LEASE_MS), parameters: {} }),
    // Cut off, and asleep while its leases run out for it; it wakes up before it hears of the other.
    apply: (scene, { durationMs }) => {
      const { network } = scene;
      const leader = scene.leader ?? scene.member(0);
      for (const { name } of scene.others(leader)) {
        network.cut(name, leader.name);
        network.cut(leader.name, name);
      }
      leader.pause(durationMs * 0.9);
      return () => {
        for (const { name } of scene.others(leader)) {
          network.mend(name, leader.name);
          network.mend(leader.name, name);
        }
      };
    },
  },
  {
    group: "service",
    name: "auth-change",
    items: ["auth change racing requests"],
    isCovered: AUTH,
  },
  { group: "service", name: "token-expiry", items: ["token expiry mid-stream"], isCovered: AUTH },
  {
    group: "service",
    name: "overload",
    items: ["overload beyond capacity"],
    isCovered: true,
    promise:
      "what is too much is refused or late, nothing is done twice, and it is over when it ends",
    plan: (random) => ({
      durationMs: 0,
      parameters: { operations: between(random, [300, 2_000]) },
    }),
    apply: ({ clients }, planned) => clients?.burst(numberOf(planned, "operations")),
  },
];
