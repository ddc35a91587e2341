import { silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../api/api-status.js";
import type { Pod, PodStatus } from "../api/gen/core-v1.js";
import { keyOf } from "../api/resource.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { elapse, settle } from "../testing/virtual-time.js";
import { StatusManager } from "./status-manager.js";

let clock: VirtualClock;
let cluster: MemoryCluster;
let manager: StatusManager;
let pod: Pod;
let writes: number;
/** Refusals of the next writes. */
let refusals: ApiError[];

beforeEach(async () => {
  clock = new VirtualClock();
  cluster = await openMemoryCluster({ clock });
  [writes, refusals] = [0, []];
  const { client } = cluster;
  pod = await client.create(PODS, {
    metadata: { namespace: "default", name: "p" },
    spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] },
  });
  const patch: ObjectClient["patch"] = async (...call) => {
    const refusal = refusals.shift();
    if (refusal) throw refusal;
    writes++;
    return client.patch(...call);
  };
  // All that it calls.
  const counted = { get: client.get.bind(client), patch } as unknown as ObjectClient;
  manager = new StatusManager({ client: counted, clock, logger: silentLogger });
});
afterEach(async () => {
  await manager.close();
  await cluster.close();
});

const present = (): Promise<Pod> => cluster.client.get(PODS, keyOf(pod));
const ready = (status: string): PodStatus => ({
  phase: "Running",
  conditions: [{ type: "Ready", status }],
});

/** As the worker does it: with the pod as the informer shows it. */
async function set(status: PodStatus): Promise<void> {
  manager.set(await present(), status);
  await settle();
}

describe("StatusManager", () => {
  it("set() writes what differs, once", async () => {
    await set(ready("True"));
    expect((await present()).status).toMatchObject(ready("True"));
    await set(ready("True"));
    await set(ready("True"));
    expect(writes).toBe(1);
  });

  it("set() leaves the conditions of others", async () => {
    const foreign = { type: "Mine", status: "True" };
    await cluster.client.patch(
      PODS,
      keyOf(pod),
      { status: { conditions: [foreign] } },
      { type: "merge", subresource: "status" },
    );
    await set(ready("True"));
    const types = (await present()).status?.conditions?.map(({ type }) => type);
    expect(types).toEqual(["Ready", "Mine"]);
  });

  it("set() writes again what somebody else has changed", async () => {
    await set(ready("True"));
    await cluster.client.patch(
      PODS,
      keyOf(pod),
      { status: ready("False") },
      { type: "merge", subresource: "status" },
    );
    await set(ready("True"));
    expect((await present()).status).toMatchObject(ready("True"));
  });

  it("set() comes to the latest of many, and skips those between", async () => {
    for (let i = 0; i < 10; i++) manager.set(pod, { ...ready("True"), message: `${i}` });
    await settle();
    expect((await present()).status?.message).toBe("9");
    expect(writes).toBeLessThanOrEqual(2);
  });

  it("retries until it is through, with longer waits", async () => {
    refusals = Array.from({ length: 4 }, () => new ApiError("ServiceUnavailable", "not now"));
    await set(ready("True"));
    await elapse(clock, 200 + 400 + 800 + 1_599);
    expect(writes).toBe(0);
    await elapse(clock, 1);
    expect((await present()).status).toMatchObject(ready("True"));
  });

  it("reads anew where the pod changed between, and gives up what is refused until it differs", async () => {
    refusals = [new ApiError("Conflict", "changed")];
    await set(ready("True"));
    expect(writes).toBe(1);
    refusals = [new ApiError("Invalid", "no")];
    await set({ ...ready("True"), message: "bad" });
    await elapse(clock, 60_000);
    expect(writes).toBe(1);
    await set({ ...ready("True"), message: "good" });
    expect((await present()).status?.message).toBe("good");
  });

  it("has nobody to tell of a pod that is gone, or is another by now", async () => {
    await cluster.client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0 });
    manager.set(pod, ready("True"));
    await elapse(clock, 60_000);
    const { spec } = pod;
    await cluster.client.create(PODS, { metadata: { namespace: "default", name: "p" }, spec });
    manager.set(pod, ready("False"));
    await elapse(clock, 60_000);
    expect((await present()).status?.phase).toBe("Pending");
    expect(writes).toBe(0);
  });

  it("flush() waits for what is being written, and close() cuts it short", async () => {
    refusals = Array.from({ length: 100 }, () => new ApiError("ServiceUnavailable", "not now"));
    await set(ready("True"));
    let flushed = false;
    const flushing = manager.flush(pod.metadata.uid ?? "").then(() => {
      flushed = true;
    });
    await elapse(clock, 1_000);
    expect(flushed).toBe(false);
    await manager.close();
    await elapse(clock, 10);
    await flushing;
    expect(writes).toBe(0);
  });
});
