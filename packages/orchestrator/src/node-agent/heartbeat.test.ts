import { silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../api/api-status.js";
import type { Lease } from "../api/gen/coordination-v1.js";
import type { Node } from "../api/gen/core-v1.js";
import { LEASES, NAMESPACES, NODES } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { elapse } from "../testing/virtual-time.js";
import { Heartbeat, LEASE_NAMESPACE } from "./heartbeat.js";
import type { NodeFacts } from "./node-object.js";

let clock: VirtualClock;
let cluster: MemoryCluster;
let heartbeat: Heartbeat;
let isDown: boolean;

const FACTS: NodeFacts = {
  name: "n",
  address: "127.0.0.1",
  port: 10_250,
  podCidr: "127.64.0.0/16",
  labels: { zone: "z" },
  cpus: 2,
  memoryBytes: 2 ** 30,
  maxPods: 110,
  system: {
    machineId: "m",
    systemUuid: "s",
    bootId: "b",
    kernelVersion: "6",
    osImage: "Linux",
    operatingSystem: "linux",
    architecture: "amd64",
    runtimeVersion: "process://1",
    agentVersion: "1",
  },
};

beforeEach(async () => {
  clock = new VirtualClock();
  cluster = await openMemoryCluster({ clock });
  isDown = false;
  await cluster.client.create(NAMESPACES, { metadata: { name: LEASE_NAMESPACE } });
  heartbeat = new Heartbeat(FACTS, { client: reaching(), clock, logger: silentLogger });
  heartbeat.start();
  await elapse(clock, 10);
});
afterEach(async () => {
  await heartbeat.close();
  await cluster.close();
});

function reaching(): ObjectClient {
  const { client } = cluster;
  const methods = ["get", "create", "patch"] as const;
  const calls = methods.map((name) => [
    name,
    (...call: unknown[]): unknown => {
      if (isDown) return Promise.reject(new ApiError("ServiceUnavailable", "down"));
      return (client[name] as (...args: unknown[]) => unknown).apply(client, call); // As it came.
    },
  ]);
  return Object.fromEntries(calls) as ObjectClient; // All that it calls.
}

const node = (): Promise<Node> => cluster.client.get(NODES, { name: "n" });
const ready = async () => (await node()).status?.conditions?.find(({ type }) => type === "Ready");
const lease = (): Promise<Lease> =>
  cluster.client.get(LEASES, { namespace: LEASE_NAMESPACE, name: "n" });

describe("Heartbeat", () => {
  it("registers the node, with what it is and has, and its lease", async () => {
    expect(await node()).toMatchObject({
      metadata: { labels: { "kubernetes.io/hostname": "n", zone: "z" } },
      spec: { podCIDR: "127.64.0.0/16" },
      status: {
        capacity: { cpu: "2", memory: "1048576Ki", pods: "110" },
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }, { type: "Hostname" }],
        daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      },
    });
    expect((await ready())?.status).toBe("True");
    const { metadata, spec } = await lease();
    expect(metadata.ownerReferences).toMatchObject([{ kind: "Node", name: "n" }]);
    expect(spec).toMatchObject({ holderIdentity: "n", leaseDurationSeconds: 40 });
  });

  it("renews the lease every 10 s, and the status every 5 min", async () => {
    const times = new Set<string | undefined>();
    for (let i = 0; i < 29; i++) {
      await elapse(clock, 10_000);
      times.add((await lease()).spec?.renewTime);
    }
    expect(times.size).toBe(29);
    expect((await ready())?.lastHeartbeatTime).toBe("2026-01-01T00:00:00Z");
    await elapse(clock, 10_000);
    expect((await ready())?.lastHeartbeatTime).toBe("2026-01-01T00:05:00Z");
    expect((await ready())?.lastTransitionTime).toBe("2026-01-01T00:00:00Z");
  });

  it("says at once that it lives where the cluster took it for dead", async () => {
    const conditions = [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" }];
    await cluster.client.patch(
      NODES,
      { name: "n" },
      { status: { conditions } },
      { type: "merge", subresource: "status" },
    );
    await elapse(clock, 10_000);
    expect(await ready()).toMatchObject({ status: "True", reason: "KubeletReady" });
  });

  it("registers again where its node was deleted", async () => {
    await cluster.client.delete(NODES, { name: "n" });
    await elapse(clock, 10_000);
    expect((await ready())?.status).toBe("True");
  });

  it("tries every second while the server is down", async () => {
    isDown = true;
    await elapse(clock, 60_000);
    const before = (await lease()).spec?.renewTime;
    isDown = false;
    await elapse(clock, 1_000);
    expect((await lease()).spec?.renewTime).not.toBe(before);
  });
});
