/** Controllers on a registry in memory, under virtual time, and nodes that only pretend. */
import { seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import type { Binding, Event, Pod } from "../../api/gen/core-v1.js";
import { keyOf, keyText } from "../../api/resource.js";
import { EVENTS, PODS } from "../../api/resources.js";
import type { ObjectClient } from "../../client/object-client.js";
import { type Controller, ControllerContext } from "../../controller/controller-context.js";
import { EventRecorder } from "../../controller/event-recorder.js";
import { openMemoryCluster } from "../../testing/memory-cluster.js";
import { elapse, elapseUntil, settle, whileElapsing } from "../../testing/virtual-time.js";

export interface ControllerCluster {
  readonly clock: VirtualClock;
  readonly client: ObjectClient;
  /** The pods of the namespace `default` in order of their names. */
  pods(): Promise<readonly Pod[]>;
  /** What was recorded, as `reason: message`. */
  events(): Promise<readonly string[]>;
  /** Makes pods of the namespace Running and ready, as a node would: all that are not, or those. */
  ready(pods?: readonly Pod[]): Promise<void>;
  /** Ends pods that are being deleted, as a node does after their grace period. */
  finish(): Promise<void>;
  elapse(durationMs: number): Promise<void>;
  until(condition: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface ControllerClusterOptions {
  readonly controllers: (
    context: ControllerContext,
    events: EventRecorder,
  ) => Promise<readonly Controller[]> | readonly Controller[];
  /** What the controllers reach the registry by; the registry itself where left out. */
  readonly through?: (client: ObjectClient) => ObjectClient;
  /** Called before controllers start, on the registry itself. */
  readonly before?: (client: ObjectClient) => Promise<void>;
}

export async function openControllerCluster(
  options: ControllerClusterOptions,
): Promise<ControllerCluster> {
  const clock = new VirtualClock();
  const cluster = await openMemoryCluster({ clock });
  const { client } = cluster;
  await options.before?.(client);
  const through = options.through?.(client) ?? client;
  const parts = { client: through, clock, random: seededRandom(5), logger: silentLogger };
  const context = new ControllerContext(parts);
  const recorder = new EventRecorder({ component: "test" }, { ...parts, client });
  const controllers = await options.controllers(context, recorder);
  await whileElapsing(clock, context.synced());
  for (const controller of controllers) controller.start();
  await settle();
  const pods = async (): Promise<readonly Pod[]> => {
    const { items } = await client.list(PODS, { namespace: "default" });
    return items.toSorted((a, b) => keyText(keyOf(a)).localeCompare(keyText(keyOf(b))));
  };
  return {
    clock,
    client,
    pods,
    events: async () => {
      await recorder.close();
      const { items } = await client.list(EVENTS);
      return items.map(({ reason, message }: Event) => `${reason}: ${message}`);
    },
    ready: async (chosen) => {
      for (const pod of chosen ?? (await pods())) await makeReady(client, pod, clock);
      await settle();
    },
    finish: async () => {
      for (const pod of await pods()) {
        if (pod.metadata.deletionTimestamp === undefined) continue;
        await client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0 });
      }
      await settle();
    },
    elapse: (durationMs) => elapse(clock, durationMs),
    until: (condition, limitMs) => elapseUntil(clock, condition, limitMs),
    close: async () => {
      await whileElapsing(clock, Promise.all(controllers.map((controller) => controller.close())));
      await recorder.close();
      await context.close();
      await cluster.close();
    },
  };
}

async function makeReady(client: ObjectClient, pod: Pod, clock: VirtualClock): Promise<void> {
  if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === "Running") return;
  if (!pod.spec?.nodeName) {
    const target = { kind: "Node", name: "node-1" };
    await client.createSubresource(PODS, keyOf(pod), "binding", bindingTo(pod, target));
  }
  const lastTransitionTime = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
  const status = {
    phase: "Running",
    podIP: "10.0.0.1",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime }],
  };
  await client.patch(PODS, keyOf(pod), { status }, { type: "merge", subresource: "status" });
}

function bindingTo({ metadata }: Pod, target: Binding["target"]): Binding {
  const { name, namespace } = metadata;
  return { metadata: { name, namespace }, target };
}
