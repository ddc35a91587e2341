import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { keyOf } from "../../api/resource.js";
import { DEPLOYMENTS, PODS, REPLICA_SETS } from "../../api/resources.js";
import { ReplicaSetController } from "../replica-set/reconciler.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { DeploymentController } from "./reconciler.js";
import { nameOf } from "./revision.js";

let cluster: ControllerCluster;
beforeEach(async () => {
  cluster = await openControllerCluster({
    controllers: (context, events) => [
      new DeploymentController(context, events),
      new ReplicaSetController(context, events),
    ],
  });
});
afterEach(() => cluster.close());

const KEY = { namespace: "default", name: "web" };

function deployment(spec: Partial<NonNullable<Deployment["spec"]>> = {}): Deployment {
  return {
    metadata: { ...KEY, annotations: { "kubernetes.io/change-cause": "first" } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: template("v1"),
      ...spec,
    },
  };
}

const template = (image: string) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image }] },
});

const change = (spec: object): Promise<Deployment> =>
  cluster.client.patch(DEPLOYMENTS, KEY, { spec }, { type: "merge" });
const roll = (image: string): Promise<Deployment> => change({ template: template(image) });
const present = (): Promise<Deployment> => cluster.client.get(DEPLOYMENTS, KEY);
const sets = async (): Promise<readonly ReplicaSet[]> =>
  (await cluster.client.list(REPLICA_SETS, { namespace: "default" })).items;

const imageOf = ({ spec }: Pod): string => spec?.containers[0]?.image ?? "";
const isGoing = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;
const lasting = async (): Promise<Pod[]> => (await cluster.pods()).filter((pod) => !isGoing(pod));
const reasonOf = async (): Promise<string | undefined> =>
  (await present()).status?.conditions?.find(({ type }) => type === "Progressing")?.reason;

/** Lets nodes do their part until the rollout is over; returns the images at each step. */
async function rollOut(): Promise<string[][]> {
  const steps: string[][] = [];
  for (;;) {
    await cluster.elapse(20);
    const pods = await lasting();
    steps.push(pods.map(imageOf));
    expect(pods.length).toBeLessThanOrEqual(4);
    const running = pods.filter(({ status }) => status?.phase === "Running");
    expect(running.length).toBeGreaterThanOrEqual(3);
    if ((await reasonOf()) === "NewReplicaSetAvailable" && steps.length > 1) return steps;
    expect(steps.length).toBeLessThan(30);
    await cluster.ready();
    await cluster.finish();
  }
}

/** As the server makes it of its manifest. */
const defaulted = (): Promise<Deployment> =>
  cluster.client.create(DEPLOYMENTS, deployment(), { dryRun: true });

async function start(spec: Partial<NonNullable<Deployment["spec"]>> = {}): Promise<void> {
  await cluster.client.create(DEPLOYMENTS, deployment(spec));
  await cluster.elapse(100);
  await cluster.ready();
  await cluster.elapse(100);
}

describe("DeploymentController", () => {
  it("makes a replica set with the template's hash, and comes to be complete", async () => {
    await start();
    expect((await cluster.pods()).map(imageOf)).toEqual(["v1", "v1", "v1"]);
    const [only] = await sets();
    const { name, hash } = nameOf(await present());
    expect(only?.metadata).toMatchObject({
      name,
      labels: { app: "web", "pod-template-hash": hash },
      annotations: {
        "deployment.kubernetes.io/revision": "1",
        "kubernetes.io/change-cause": "first",
      },
    });
    expect(only?.spec?.selector.matchLabels).toEqual({ app: "web", "pod-template-hash": hash });
    expect(await present()).toMatchObject({
      metadata: { annotations: { "deployment.kubernetes.io/revision": "1" } },
      status: { replicas: 3, updatedReplicas: 3, availableReplicas: 3, observedGeneration: 1 },
    });
    expect(await reasonOf()).toBe("NewReplicaSetAvailable");
    expect(await cluster.events()).toContain(
      `ScalingReplicaSet: Scaled up replica set ${name} from 0 to 3`,
    );
  });

  it("rolls a new template out in steps, and back again as a new revision", async () => {
    await start({ strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await roll("v2");
    const steps = await rollOut();
    expect(steps.length).toBeGreaterThan(3); // One pod at a time.
    expect(steps.at(-1)).toEqual(["v2", "v2", "v2"]);
    expect((await present()).metadata.annotations).toMatchObject({
      "deployment.kubernetes.io/revision": "2",
    });
    await roll("v1");
    await rollOut();
    const revisions = (await sets()).map(({ metadata, spec }) => [
      spec?.template?.spec?.containers[0]?.image,
      spec?.replicas,
      metadata.annotations?.["deployment.kubernetes.io/revision"],
      metadata.annotations?.["deployment.kubernetes.io/revision-history"],
    ]);
    expect(new Set(revisions)).toEqual(
      new Set([
        ["v1", 3, "3", "1"],
        ["v2", 0, "2", undefined],
      ]),
    );
  });

  it("Recreate makes no new pod before the last old one has ended", async () => {
    await start({ strategy: { type: "Recreate" } });
    await roll("v2");
    await cluster.elapse(5_000);
    expect((await cluster.pods()).map((pod) => [imageOf(pod), isGoing(pod)])).toEqual([
      ["v1", true],
      ["v1", true],
      ["v1", true],
    ]);
    const [first, ...others] = await cluster.pods();
    for (const pod of others) {
      await cluster.client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0 });
    }
    await cluster.elapse(5_000);
    expect(await lasting()).toEqual([]);
    if (first) await cluster.client.delete(PODS, keyOf(first), { gracePeriodSeconds: 0 });
    await cluster.elapse(100);
    expect((await lasting()).map(imageOf)).toEqual(["v2", "v2", "v2"]);
  });

  it("changes nothing of its template while it is paused, but its size", async () => {
    await start();
    await change({ paused: true, template: template("v2"), replicas: 4 });
    await cluster.elapse(1_000);
    expect((await lasting()).map(imageOf)).toEqual(["v1", "v1", "v1", "v1"]);
    expect(await reasonOf()).toBe("DeploymentPaused");
    await change({ paused: false });
    await cluster.elapse(100);
    expect((await sets()).length).toBe(2);
  });

  it("scales both sides of a rollout that is stuck, and goes on with it", async () => {
    await start({ replicas: 4, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } });
    await roll("broken");
    await cluster.elapse(100);
    const count = async (image: string): Promise<number> =>
      (await lasting()).filter((pod) => imageOf(pod) === image).length;
    expect([await count("v1"), await count("broken")]).toEqual([3, 2]);
    await change({ replicas: 8 });
    await cluster.elapse(100);
    // 9 in all: 3 and 2 of 5 become 5 and 4 of 9.
    expect([await count("v1"), await count("broken")]).toEqual([5, 4]);
  });

  it("says so when a rollout makes no progress for too long", async () => {
    await start({ progressDeadlineSeconds: 30 });
    await roll("broken");
    await cluster.elapse(25_000);
    expect(await reasonOf()).toBe("ReplicaSetUpdated");
    await cluster.elapse(10_000);
    expect(await reasonOf()).toBe("ProgressDeadlineExceeded");
  });

  it("adopts a replica set that it selects, and takes its pods for its own", async () => {
    const labels = { app: "web", "pod-template-hash": "orphan" };
    await cluster.client.create(REPLICA_SETS, {
      metadata: { namespace: "default", name: "orphan", labels },
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        template: { ...template("v1"), metadata: { labels } },
      },
    });
    await cluster.elapse(100);
    await start();
    const [only, ...others] = await sets();
    expect(others).toEqual([]);
    expect(only?.metadata.ownerReferences).toMatchObject([{ kind: "Deployment", name: "web" }]);
    expect(await lasting()).toHaveLength(3);
  });

  it("gives its replica set another name where that is taken by another's", async () => {
    const { name } = nameOf(await defaulted());
    await cluster.client.create(REPLICA_SETS, {
      metadata: { namespace: "default", name },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "other" } },
        template: { ...template("v1"), metadata: { labels: { app: "other" } } },
      },
    });
    await start();
    expect(await present()).toMatchObject({ status: { collisionCount: 1, availableReplicas: 3 } });
    const names = (await sets()).map(({ metadata }) => metadata.name);
    expect(names).toHaveLength(2);
    expect(names).toContain(name);
  });
});
