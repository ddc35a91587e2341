import { afterEach, describe, expect, it } from "vitest";
import { ApiError } from "../../api/api-status.js";
import type { ReplicaSet } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { keyOf } from "../../api/resource.js";
import { NAMESPACES, PODS, REPLICA_SETS } from "../../api/resources.js";
import type { ObjectClient } from "../../client/object-client.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { unreliable, type UnreliableClient } from "../testing/unreliable-client.js";
import { ReplicaSetController } from "./reconciler.js";

let cluster: ControllerCluster;
afterEach(() => cluster.close());

async function open(
  through?: (client: ObjectClient) => ObjectClient,
  before?: (client: ObjectClient) => Promise<void>,
): Promise<void> {
  cluster = await openControllerCluster({
    controllers: (context, events) => [new ReplicaSetController(context, events)],
    ...(through ? { through } : {}),
    ...(before ? { before } : {}),
  });
}

const KEY = { namespace: "default", name: "web" };

function replicaSet(replicas: number): ReplicaSet {
  return {
    metadata: KEY,
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "c", image: "i" }] },
      },
    },
  };
}

function orphan(name: string, labels: Record<string, string> = { app: "web" }): Pod {
  return {
    metadata: { namespace: "default", name, labels },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
}

const make = (replicas: number): Promise<ReplicaSet> =>
  cluster.client.create(REPLICA_SETS, replicaSet(replicas));
const present = (): Promise<ReplicaSet> => cluster.client.get(REPLICA_SETS, KEY);
const scale = (replicas: number): Promise<ReplicaSet> =>
  cluster.client.patch(REPLICA_SETS, KEY, { spec: { replicas } }, { type: "merge" });
const lasting = async (): Promise<Pod[]> =>
  (await cluster.pods()).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const ownersOf = ({ metadata }: Pod): (string | undefined)[] =>
  (metadata.ownerReferences ?? []).map(({ name }) => name);

/** A client whose creations of pods do as they are told. */
function creating(
  client: ObjectClient,
  create: (pod: Pod, go: () => Promise<Pod>) => Promise<Pod>,
): ObjectClient {
  const own: Pick<ObjectClient, "create"> = {
    create: async (resource, object, options) => {
      if (resource.resource !== "pods") return client.create(resource, object, options);
      const go = (): Promise<Pod> => client.create(PODS, object as Pod, options); // Asked above.
      return (await create(object as Pod, go)) as typeof object; // A pod, as above.
    },
  };
  const methods = ["get", "list", "watch", "update", "patch", "delete", "resources"] as const;
  const rest = Object.fromEntries(methods.map((name) => [name, client[name].bind(client)]));
  return { ...rest, ...own } as unknown as ObjectClient; // All that a controller calls.
}

describe("ReplicaSetController", () => {
  it("makes pods with an owner and an event each, and tells how many there are and are ready", async () => {
    await open();
    await make(3);
    await cluster.elapse(100);
    const pods = await cluster.pods();
    expect(pods).toHaveLength(3);
    for (const pod of pods) {
      expect(pod.metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
      expect(pod.metadata.ownerReferences).toMatchObject([
        { kind: "ReplicaSet", name: "web", controller: true, blockOwnerDeletion: true },
      ]);
    }
    await cluster.ready();
    await cluster.elapse(100);
    expect((await present()).status).toMatchObject({ replicas: 3, readyReplicas: 3 });
    const created = pods.map(({ metadata }) => `SuccessfulCreate: Created pod: ${metadata.name}`);
    expect((await cluster.events()).toSorted()).toEqual(created.toSorted());
  });

  it("replaces a pod that was deleted or has failed", async () => {
    await open();
    await make(2);
    await cluster.elapse(100);
    const [first, second] = await cluster.pods();
    if (!first || !second) throw new Error("pods are missing");
    await cluster.client.delete(PODS, keyOf(first));
    const failed = { status: { phase: "Failed" } };
    await cluster.client.patch(PODS, keyOf(second), failed, {
      type: "merge",
      subresource: "status",
    });
    await cluster.elapse(100);
    const active = (await lasting()).filter(({ status }) => status?.phase !== "Failed");
    expect(active).toHaveLength(2);
  });

  it("drops pods that are not ready first", async () => {
    await open();
    await make(4);
    await cluster.elapse(100);
    const ready = (await cluster.pods()).slice(1, 3);
    await cluster.ready(ready);
    await scale(2);
    await cluster.elapse(100);
    const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.name);
    expect(names(await lasting())).toEqual(names(ready));
  });

  it("adopts orphans that it selects, and makes only the rest", async () => {
    await open(undefined, async (client) => {
      await client.create(PODS, orphan("mine"));
      await client.create(PODS, orphan("other", { app: "else" }));
    });
    await make(2);
    await cluster.elapse(100);
    const pods = await cluster.pods();
    expect(pods.map(({ metadata }) => metadata.name)).toHaveLength(3);
    const byName = new Map(pods.map((pod) => [pod.metadata.name, ownersOf(pod)]));
    expect([byName.get("mine"), byName.get("other")]).toEqual([["web"], []]);
  });

  it("adopts an orphan that comes later, and drops what is too many then", async () => {
    await open();
    await make(1);
    await cluster.elapse(100);
    await cluster.client.create(PODS, orphan("late"));
    await cluster.elapse(100);
    expect(await lasting()).toHaveLength(1);
    expect((await present()).status?.replicas).toBe(1);
  });

  it("releases a pod that it selects no more, and makes another", async () => {
    await open();
    await make(1);
    await cluster.elapse(100);
    const [pod] = await cluster.pods();
    if (!pod) throw new Error("the pod is missing");
    const labels = { app: "debug" };
    await cluster.client.patch(PODS, keyOf(pod), { metadata: { labels } }, { type: "merge" });
    await cluster.elapse(100);
    const pods = await cluster.pods();
    expect(pods).toHaveLength(2);
    const released = pods.find(({ metadata }) => metadata.name === pod.metadata.name);
    expect(released && ownersOf(released)).toEqual([]);
  });

  it("does not adopt what it selects while it is being deleted", async () => {
    await open();
    await cluster.client.create(REPLICA_SETS, {
      ...replicaSet(0),
      metadata: { ...KEY, finalizers: ["example.com/hold"] },
    });
    await cluster.client.delete(REPLICA_SETS, KEY);
    await cluster.client.create(PODS, orphan("late"));
    await cluster.elapse(100);
    expect((await cluster.pods()).map(ownersOf)).toEqual([[]]);
  });

  it("starts slowly: one refused pod, not hundreds, and tells why it has none", async () => {
    let asked = 0;
    let refusing = true;
    await open((client) =>
      creating(client, (_pod, go) => {
        asked++;
        if (!refusing) return go();
        return Promise.reject(new ApiError("Forbidden", "exceeded quota"));
      }),
    );
    await make(100);
    await cluster.elapse(0);
    expect(asked).toBeLessThanOrEqual(2); // Its own status is one more reason to look.
    expect((await present()).status?.conditions).toMatchObject([
      { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" },
    ]);
    await cluster.elapse(20);
    expect(asked).toBeLessThan(6); // It backs off.
    refusing = false;
    await cluster.until(async () => (await cluster.pods()).length === 100);
    await cluster.elapse(1_000);
    expect((await present()).status?.conditions).toBeUndefined();
    expect(await cluster.events()).toContain("FailedCreate: Error creating: exceeded quota");
  });

  it("makes nothing more while what it made is not shown by its informer", async () => {
    let asked = 0;
    await open((client) =>
      creating(client, async (pod) => {
        asked++; // Answered as made, and never shown.
        const { namespace } = pod.metadata;
        return { ...pod, metadata: { namespace, name: `ghost-${asked}`, uid: `ghost-${asked}` } };
      }),
    );
    await make(3);
    await cluster.elapse(100);
    expect(asked).toBe(3);
    await scale(5);
    await cluster.elapse(200_000);
    expect(asked).toBe(3);
    await cluster.elapse(100_001); // After five minutes it believes its informer.
    expect(asked).toBe(8);
  });

  it("does not wait for a pod that was shown and gone before its creation was answered", async () => {
    let made = 0;
    await open((client) =>
      creating(client, async (_pod, go) => {
        const pod = await go();
        if (++made > 1) return pod;
        await client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0 });
        await new Promise((resolve) => setImmediate(resolve));
        return pod;
      }),
    );
    await make(1);
    await cluster.elapse(1_000);
    expect(await cluster.pods()).toHaveLength(1);
  });

  it("gives up quietly in a namespace that is being deleted", async () => {
    await open();
    await cluster.client.create(NAMESPACES, { metadata: { name: "going" } });
    await cluster.client.create(REPLICA_SETS, {
      ...replicaSet(0),
      metadata: { namespace: "going", name: "web" },
    });
    await cluster.client.delete(NAMESPACES, { name: "going" });
    const key = { namespace: "going", name: "web" };
    await cluster.client.patch(REPLICA_SETS, key, { spec: { replicas: 2 } }, { type: "merge" });
    await cluster.elapse(10_000);
    expect(await cluster.events()).toEqual([]);
  });

  describe("whose answers are lost, with a late informer", () => {
    let link: UnreliableClient;
    const openUnreliable = (): Promise<void> => open((client) => (link = unreliable(client)));

    it("makes no pod a second time, and goes on when the first is shown", async () => {
      await openUnreliable();
      link.hold(PODS);
      link.loseAnswer("create", PODS);
      await make(2);
      await cluster.elapse(10_000);
      expect(await lasting()).toHaveLength(1);
      link.release();
      await cluster.elapse(100);
      expect(await lasting()).toHaveLength(2);
    });

    it("takes no second pod for one that it has deleted without an answer", async () => {
      await openUnreliable();
      await make(3);
      await cluster.elapse(100);
      link.hold(PODS);
      link.loseAnswer("delete", PODS);
      await scale(2);
      await cluster.elapse(10_000);
      expect(await lasting()).toHaveLength(2);
      link.release();
      await cluster.elapse(100);
      expect((await present()).status?.replicas).toBe(2);
    });

    it("makes the pod after a second where it was not made", async () => {
      let tries = 0;
      await open((client) =>
        creating(client, async (_pod, go) => {
          if (++tries === 1) throw new ApiError("ServiceUnavailable", "the connection is gone");
          return go();
        }),
      );
      await make(1);
      await cluster.elapse(500);
      expect(tries).toBe(1);
      await cluster.elapse(1_000);
      expect(await lasting()).toHaveLength(1);
    });
  });
});
