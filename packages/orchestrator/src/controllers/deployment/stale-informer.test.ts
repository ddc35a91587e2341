import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import { DEPLOYMENTS, REPLICA_SETS } from "../../api/resources.js";
import { ReplicaSetController } from "../replica-set/reconciler.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { unreliable, type UnreliableClient } from "../testing/unreliable-client.js";
import { DeploymentController } from "./reconciler.js";

let cluster: ControllerCluster;
let link: UnreliableClient;
beforeEach(async () => {
  cluster = await openControllerCluster({
    controllers: (context, events) => [
      new DeploymentController(context, events),
      new ReplicaSetController(context, events),
    ],
    through: (client) => (link = unreliable(client)),
  });
  await cluster.client.create(DEPLOYMENTS, deployment("v1"));
  await cluster.elapse(100);
  await cluster.ready();
  await cluster.elapse(100);
});
afterEach(async () => {
  link.release();
  await cluster.close();
});

const KEY = { namespace: "default", name: "web" };

function deployment(image: string): Deployment {
  return {
    metadata: KEY,
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: template(image),
    },
  };
}

const template = (image: string) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image }] },
});

async function roll(image: string): Promise<void> {
  const patch = { spec: { template: template(image) } };
  await cluster.client.patch(DEPLOYMENTS, KEY, patch, { type: "merge" });
  await cluster.elapse(3_000);
}

async function sizes(): Promise<number[]> {
  const { items } = await cluster.client.list(REPLICA_SETS, { namespace: "default" });
  return items.map(({ spec }: ReplicaSet) => spec?.replicas ?? 1).toSorted((a, b) => b - a);
}

describe("DeploymentController with a late informer", () => {
  it("counts with a replica set that it made itself and was not shown yet", async () => {
    link.hold(REPLICA_SETS);
    await roll("v2");
    expect(await sizes()).toEqual([3, 1]);
    await roll("v3");
    expect(await sizes()).toEqual([3, 1, 0]);
  });

  it("counts with a replica set whose making nobody answered", async () => {
    link.hold(REPLICA_SETS);
    link.loseAnswer("create", REPLICA_SETS);
    await roll("v2");
    await roll("v3");
    expect(await sizes()).toEqual([3, 1, 0]);
  });

  it("goes on when the informer has come to what it wrote", async () => {
    link.hold(REPLICA_SETS);
    link.loseAnswer("create", REPLICA_SETS);
    await roll("v2");
    link.release();
    for (let i = 0; i < 8; i++) {
      await cluster.ready();
      await cluster.elapse(1_000);
      await cluster.finish();
    }
    expect(await sizes()).toEqual([3, 0]);
  });
});
