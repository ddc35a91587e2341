/** Crashes while the store does work of its own, and requests that are too much for it. */
import type { Loss, SimulatedMember } from "../member/simulated-member.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import { between, oneOf, shuffled } from "../traffic/dice.js";
import { type Fault, numberOf, textOf } from "./fault.js";
import type { FaultScene, Undo } from "./fault-scene.js";
import { restartedWith } from "./version-faults.js";

const AS_IF_NOT_BEGUN =
  "the work is done whole, goes on, or has not begun: revisions never go back";

export const STORAGE_WORK_FAULTS: readonly Fault[] = [
  crashDuring("crash-in-compaction", (scene) => scene.clients?.compactNow()),
  crashDuring("crash-in-batch", (scene) => scene.clients?.burst(100)),
  {
    group: "storage-work",
    name: "quota-hit",
    items: ["quota hit"],
    isCovered: true,
    promise: "writes are refused before they are applied; deletes, compactions and reads go on",
    plan: (random) => ({
      durationMs: between(random, [5_000, 15_000]),
      parameters: { quotaBytes: between(random, [1, 256]) * 1024 },
    }),
    apply: (scene, planned) =>
      restartedWith(scene, scene.members, () => ({
        quotaBackendBytes: numberOf(planned, "quotaBytes"),
      })),
  },
  {
    group: "storage-work",
    name: "large-requests",
    items: ["large requests"],
    isCovered: true,
    promise: "up to the limit they are served, beyond it refused; heartbeats do not wait for them",
    plan: (random) => ({ durationMs: between(random, [2_000, 5_000]), parameters: {} }),
    apply: ({ clients }, { durationMs }) => clients?.largeRequests(durationMs),
  },
];

function crashDuring(name: string, work: (scene: FaultScene) => void): Fault {
  return {
    group: "storage-work",
    name,
    items: ["crash at each compaction/defrag/batch point"],
    isCovered: true,
    promise: AS_IF_NOT_BEGUN,
    plan: (random) => ({
      durationMs: between(random, [1_000, 6_000]),
      parameters: {
        afterMs: between(random, [0, 400]),
        loss: oneOf(random, ["process", "power"]),
        members: oneOf(random, ["one", "all"]),
      },
    }),
    apply: (scene, planned) => {
      work(scene);
      return crashAfter(scene, planned);
    },
  };
}

function crashAfter(scene: FaultScene, planned: ScheduledFault): Undo {
  const loss: Loss = textOf(planned, "loss") === "power" ? "power" : "process";
  const isAll = textOf(planned, "members") === "all";
  const struck: readonly SimulatedMember[] = isAll
    ? scene.members
    : shuffled(scene.random, scene.members).slice(0, 1);
  let up: Undo = () => {};
  const cancel = scene.after(numberOf(planned, "afterMs"), () => {
    up = scene.down(struck, loss);
  });
  return () => {
    cancel();
    up();
  };
}
