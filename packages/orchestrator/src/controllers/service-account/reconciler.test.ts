import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NAMESPACES, SERVICE_ACCOUNTS } from "../../api/resources.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { ServiceAccountController } from "./reconciler.js";

let cluster: ControllerCluster;
beforeEach(async () => {
  cluster = await openControllerCluster({
    controllers: (context) => [new ServiceAccountController(context)],
  });
});
afterEach(() => cluster.close());

async function namespaces(): Promise<string[]> {
  const { items } = await cluster.client.list(SERVICE_ACCOUNTS);
  return items
    .filter(({ metadata }) => metadata.name === "default")
    .map(({ metadata }) => metadata.namespace ?? "")
    .toSorted();
}

describe("ServiceAccountController", () => {
  it("makes the account default in namespaces that are there and in those that come", async () => {
    await cluster.elapse(100);
    expect(await namespaces()).toEqual(["default"]);
    await cluster.client.create(NAMESPACES, { metadata: { name: "later" } });
    await cluster.elapse(100);
    expect(await namespaces()).toEqual(["default", "later"]);
  });

  it("makes it again when it is deleted, but not in a namespace that is going", async () => {
    await cluster.elapse(100);
    const key = { namespace: "default", name: "default" };
    await cluster.client.delete(SERVICE_ACCOUNTS, key);
    await cluster.elapse(100);
    expect(await namespaces()).toEqual(["default"]);
    await cluster.client.create(NAMESPACES, { metadata: { name: "going" } });
    await cluster.elapse(100);
    await cluster.client.delete(NAMESPACES, { name: "going" });
    await cluster.client.delete(SERVICE_ACCOUNTS, { namespace: "going", name: "default" });
    await cluster.elapse(10_000);
    expect(await namespaces()).toEqual(["default"]);
  });
});
