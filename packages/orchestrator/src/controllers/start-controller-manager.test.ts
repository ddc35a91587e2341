import { seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEPLOYMENTS, NAMESPACES, PODS } from "../api/resources.js";
import type { RunningComponent } from "../controller/component.js";
import type { ObjectClient } from "../client/object-client.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { elapse, elapseUntil, whileElapsing } from "../testing/virtual-time.js";
import { startControllerManager } from "./start-controller-manager.js";

let clock: VirtualClock;
let cluster: MemoryCluster;

beforeEach(async () => {
  clock = new VirtualClock();
  cluster = await openMemoryCluster({ clock });
  await cluster.client.create(NAMESPACES, { metadata: { name: "kube-system" } });
});
afterEach(() => cluster.close());

const start = (identity: string, client: ObjectClient = cluster.client): RunningComponent =>
  startControllerManager(
    { identity },
    { client, clock, random: seededRandom(1), logger: silentLogger },
  );

const pods = async (): Promise<number> =>
  (await cluster.client.list(PODS, { namespace: "default" })).items.length;

const deployment = (name: string) => ({
  metadata: { namespace: "default", name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", image: "i" }] },
    },
  },
});

describe("startControllerManager()", () => {
  it("runs the controllers of one of several, and those of the next when it ends", async () => {
    const first = start("a");
    await elapse(clock, 1_000);
    const second = start("b");
    await cluster.client.create(DEPLOYMENTS, deployment("one"));
    await elapseUntil(clock, async () => (await pods()) === 2);
    await whileElapsing(clock, first.close());
    await cluster.client.create(DEPLOYMENTS, deployment("two"));
    await elapseUntil(clock, async () => (await pods()) === 4, 5_000);
    await whileElapsing(clock, second.close());
    await cluster.client.create(DEPLOYMENTS, deployment("three"));
    await elapse(clock, 60_000);
    expect(await pods()).toBe(4);
  });

  it("closes also while it waits for its first view of the cluster", async () => {
    const never = new Promise<never>(() => {});
    const methods = ["get", "list", "create", "update", "patch", "delete", "resources"] as const;
    const rest = Object.fromEntries(
      methods.map((name) => [name, cluster.client[name].bind(cluster.client)]),
    );
    async function* watch(_resource: unknown, { signal }: { signal: AbortSignal }) {
      const aborted = new Promise<void>((done) => signal.addEventListener("abort", () => done()));
      await Promise.race([never, aborted]);
      yield* [];
    }
    const blind = { ...rest, watch } as unknown as ObjectClient; // All that controllers call.
    const manager = start("a", blind);
    await elapse(clock, 20_000);
    await whileElapsing(clock, manager.close());
  });
});
