import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Node, Pod, Toleration } from "../../api/gen/core-v1.js";
import { keyOf } from "../../api/resource.js";
import { LEASES, NAMESPACES, NODES, PODS } from "../../api/resources.js";
import { isReady } from "../replica-set/deletion-order.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { NodeLifecycleController } from "./reconciler.js";

let cluster: ControllerCluster;
beforeEach(async () => {
  cluster = await openControllerCluster({
    before: async (client) => {
      await client.create(NAMESPACES, { metadata: { name: "kube-node-lease" } });
      for (const name of ["node-1", "node-2"]) {
        await client.create(NODES, { metadata: { name } });
        await client.create(LEASES, { metadata: { namespace: "kube-node-lease", name }, spec: {} });
      }
    },
    controllers: (context, events) => [new NodeLifecycleController(context, events)],
  });
  for (const name of ["node-1", "node-2"]) await report(name);
});
afterEach(() => cluster.close());

const nowText = (): string => new Date(cluster.clock.wallMs()).toISOString();

/** What an agent posts: that it is ready. */
async function report(name: string, status = "True"): Promise<void> {
  const conditions = [{ type: "Ready", status, lastHeartbeatTime: nowText() }];
  await cluster.client.patch(
    NODES,
    { name },
    { status: { conditions } },
    { type: "strategic-merge", subresource: "status" },
  );
}

/** Lets time pass in which only these nodes renew their leases. */
async function pass(durationMs: number, ...living: string[]): Promise<void> {
  for (let leftMs = durationMs; leftMs > 0; leftMs -= 10_000) {
    for (const name of living) {
      const key = { namespace: "kube-node-lease", name };
      const renewTime = nowText().replace("Z", "000Z");
      await cluster.client.patch(LEASES, key, { spec: { renewTime } }, { type: "merge" });
    }
    await cluster.elapse(Math.min(10_000, leftMs));
  }
}

const node = (name: string): Promise<Node> => cluster.client.get(NODES, { name });
const readiness = async (name: string): Promise<string | undefined> =>
  (await node(name)).status?.conditions?.find(({ type }) => type === "Ready")?.status;
const taints = async (name: string): Promise<string[]> =>
  ((await node(name)).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);

async function runPod(
  name: string,
  nodeName: string,
  tolerations: Toleration[] = [],
): Promise<Pod> {
  const pod = await cluster.client.create(PODS, {
    metadata: { namespace: "default", name },
    spec: { nodeName, tolerations, containers: [{ name: "c", image: "i" }] },
  });
  await cluster.ready([pod]);
  return pod;
}

const present = (pod: Pod): Promise<Pod> => cluster.client.get(PODS, keyOf(pod));
const isGoing = async (pod: Pod): Promise<boolean> =>
  (await present(pod)).metadata.deletionTimestamp !== undefined;

const unreachableFor = (tolerationSeconds: number): Toleration[] => [
  {
    key: "node.kubernetes.io/unreachable",
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds,
  },
];
const TAINTED = [
  "node.kubernetes.io/unreachable:NoSchedule",
  "node.kubernetes.io/unreachable:NoExecute",
];

describe("NodeLifecycleController", () => {
  it("missed heartbeats make a node Unknown and tainted, and its pods not ready", async () => {
    const lost = await runPod("lost", "node-1", unreachableFor(300));
    const kept = await runPod("kept", "node-2", unreachableFor(300));
    await pass(40_000, "node-2");
    expect(await readiness("node-1")).toBe("True");
    await pass(20_000, "node-2");
    expect([await readiness("node-1"), await readiness("node-2")]).toEqual(["Unknown", "True"]);
    expect([await taints("node-1"), await taints("node-2")]).toEqual([TAINTED, []]);
    expect([isReady(await present(lost)), isReady(await present(kept))]).toEqual([false, true]);
    expect((await present(lost)).status?.phase).toBe("Running");
    expect(await cluster.events()).toContain(
      "NodeNotReady: Node node-1 status is now: NodeNotReady",
    );
  });

  it("evicts each pod when it tolerates the silence no longer, and says why", async () => {
    const patient = await runPod("patient", "node-1", unreachableFor(300));
    const impatient = await runPod("impatient", "node-1", unreachableFor(5));
    const eternal = await runPod("eternal", "node-1", [{ operator: "Exists" }]);
    const elsewhere = await runPod("elsewhere", "node-2");
    await pass(70_000, "node-2");
    expect(await isGoing(impatient)).toBe(true);
    expect(await isGoing(patient)).toBe(false);
    await pass(240_000, "node-2");
    expect(await isGoing(patient)).toBe(false);
    await pass(60_000, "node-2");
    expect(await isGoing(patient)).toBe(true);
    expect((await present(patient)).status?.conditions).toContainEqual(
      expect.objectContaining({
        type: "DisruptionTarget",
        status: "True",
        reason: "DeletionByTaintManager",
      }),
    );
    await pass(600_000, "node-2");
    expect([await isGoing(eternal), await isGoing(elsewhere)]).toEqual([false, false]);
    expect(await cluster.events()).toContain(
      "TaintManagerEviction: Marking for deletion Pod default/patient",
    );
  });

  it("a node that comes back in time loses its taints and keeps its pods", async () => {
    const pod = await runPod("p", "node-1", unreachableFor(300));
    await pass(120_000, "node-2");
    expect(await taints("node-1")).toEqual(TAINTED);
    await report("node-1");
    await pass(600_000, "node-1", "node-2");
    expect([await taints("node-1"), await isGoing(pod)]).toEqual([[], false]);
  });

  it("a taint that somebody sets evicts as well, after as long as it is tolerated", async () => {
    const pod = await runPod("p", "node-2", [
      { key: "drain", operator: "Exists", effect: "NoExecute", tolerationSeconds: 20 },
    ]);
    const spec = { taints: [{ key: "drain", effect: "NoExecute" }] };
    await cluster.client.patch(NODES, { name: "node-2" }, { spec }, { type: "merge" });
    await pass(15_000, "node-1", "node-2");
    expect(await isGoing(pod)).toBe(false);
    await pass(10_000, "node-1", "node-2");
    expect(await isGoing(pod)).toBe(true);
  });

  it("removes the pods of a node that is no more, once it has not come back", async () => {
    const orphan = await runPod("orphan", "node-1");
    const kept = await runPod("kept", "node-2");
    await cluster.client.delete(NODES, { name: "node-1" });
    await pass(35_000, "node-2");
    expect(await isGoing(orphan)).toBe(false);
    await pass(20_000, "node-2");
    expect((await cluster.pods()).map(({ metadata }) => metadata.name)).toEqual(["kept"]);
    expect(await isGoing(kept)).toBe(false);
  });

  it("a node that cannot be changed does not keep others from being looked after", async () => {
    await cluster.client.create(NODES, {
      metadata: { name: "aaa", finalizers: ["example.com/x"] },
    });
    await cluster.client.delete(NODES, { name: "aaa" });
    await pass(70_000);
    expect([await readiness("node-1"), await readiness("node-2")]).toEqual(["Unknown", "Unknown"]);
  });
});
