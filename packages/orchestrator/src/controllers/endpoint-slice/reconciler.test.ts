import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Endpoints, Pod, Service } from "../../api/gen/core-v1.js";
import type { EndpointSlice } from "../../api/gen/discovery-v1.js";
import { keyOf } from "../../api/resource.js";
import { ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES } from "../../api/resources.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { EndpointSliceController } from "./reconciler.js";

let cluster: ControllerCluster;
beforeEach(async () => {
  cluster = await openControllerCluster({
    controllers: (context) => [new EndpointSliceController(context)],
  });
});
afterEach(() => cluster.close());

const KEY = { namespace: "default", name: "web" };

const service: Service = {
  metadata: KEY,
  spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
};

function pod(name: string, labels: Record<string, string> = { app: "web" }): Pod {
  return {
    metadata: { namespace: "default", name, labels },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
}

const slices = async (): Promise<readonly EndpointSlice[]> =>
  (await cluster.client.list(ENDPOINT_SLICES, { namespace: "default" })).items;
const names = async (): Promise<(string | undefined)[]> =>
  (await slices()).flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef?.name));
const endpoints = (): Promise<Endpoints> => cluster.client.get(ENDPOINTS, KEY);

describe("EndpointSliceController", () => {
  it("follows pods as they come, are relabelled and go", async () => {
    await cluster.client.create(SERVICES, service);
    for (const name of ["a", "b"]) await cluster.client.create(PODS, pod(name));
    await cluster.ready();
    await cluster.elapse(100);
    expect(await names()).toEqual(["a", "b"]);
    expect((await endpoints()).subsets?.[0]?.addresses).toHaveLength(2);

    const metadata = { labels: { app: "else" } };
    await cluster.client.patch(PODS, keyOf(pod("a")), { metadata }, { type: "merge" });
    await cluster.elapse(100);
    expect(await names()).toEqual(["b"]);

    await cluster.client.delete(PODS, keyOf(pod("b")));
    await cluster.elapse(100);
    expect((await slices())[0]?.endpoints[0]?.conditions).toMatchObject({
      ready: false,
      terminating: true,
    });
    await cluster.finish();
    await cluster.elapse(100);
    expect(await names()).toEqual([]);
    expect((await endpoints()).subsets).toBeUndefined();
  });

  it("makes again what somebody deleted, and takes changes back", async () => {
    await cluster.client.create(SERVICES, service);
    await cluster.client.create(PODS, pod("a"));
    await cluster.ready();
    await cluster.elapse(100);
    const [before] = await slices();
    if (!before) throw new Error("the slice is missing");
    await cluster.client.update(ENDPOINT_SLICES, { ...before, endpoints: [] });
    await cluster.elapse(100);
    expect(await names()).toEqual(["a"]);
    await cluster.client.delete(ENDPOINT_SLICES, keyOf(before));
    await cluster.client.delete(ENDPOINTS, KEY);
    await cluster.elapse(100);
    expect(await names()).toEqual(["a"]);
    expect((await endpoints()).subsets).toHaveLength(1);
  });

  it("takes labels of the service over to its slices", async () => {
    await cluster.client.create(SERVICES, service);
    await cluster.elapse(100);
    const metadata = { labels: { team: "t" } };
    await cluster.client.patch(SERVICES, KEY, { metadata }, { type: "merge" });
    await cluster.elapse(100);
    expect((await slices())[0]?.metadata.labels).toMatchObject({ team: "t" });
    expect((await endpoints()).metadata.labels).toMatchObject({ team: "t" });
  });

  it("leaves slices of others alone, also under its service's name", async () => {
    const labels = {
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "me",
    };
    await cluster.client.create(ENDPOINT_SLICES, {
      metadata: { namespace: "default", name: "by-hand", labels },
      addressType: "IPv4",
      endpoints: [],
    });
    await cluster.client.create(SERVICES, service);
    await cluster.elapse(100);
    expect((await slices()).map(({ metadata }) => metadata.name)).toContain("by-hand");
    expect(await slices()).toHaveLength(2);
  });

  it("drops its Endpoints with the service, and nobody else's", async () => {
    await cluster.client.create(SERVICES, service);
    const other = { metadata: { namespace: "default", name: "by-hand" } };
    await cluster.client.create(ENDPOINTS, other);
    await cluster.elapse(100);
    await cluster.client.delete(SERVICES, KEY);
    await cluster.elapse(100);
    const { items } = await cluster.client.list(ENDPOINTS, { namespace: "default" });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(["by-hand"]);
  });
});
