/** All controllers in one: made, brought in sync, started; stopped in order. */
import type { ComponentDependencies, RunningComponent } from "../controller/component.js";
import { type Controller, ControllerContext } from "../controller/controller-context.js";
import { EventRecorder } from "../controller/event-recorder.js";
import { LeaderElector } from "../controller/leader-elector.js";
import { DeploymentController } from "./deployment/reconciler.js";
import { EndpointSliceController } from "./endpoint-slice/reconciler.js";
import { GarbageCollector } from "./garbage-collector/reconciler.js";
import { NamespaceController } from "./namespace/reconciler.js";
import { NodeLifecycleController, type NodeLifecycleOptions } from "./node-lifecycle/reconciler.js";
import { ReplicaSetController } from "./replica-set/reconciler.js";
import { ServiceAccountController } from "./service-account/reconciler.js";

export interface ControllerManagerOptions {
  /** Who we are in the election; the same again after a restart, so that it is won at once. */
  readonly identity: string;
  readonly nodeLifecycle?: NodeLifecycleOptions;
}

export function startControllerManager(
  options: ControllerManagerOptions,
  dependencies: ComponentDependencies,
): RunningComponent {
  let running: RunningComponent | undefined;
  const elector = new LeaderElector(
    { name: "kube-controller-manager", identity: options.identity },
    {
      ...dependencies,
      onStart: async (signal) => {
        running = await lead(options, dependencies, signal);
      },
      onStop: async () => {
        await running?.close();
        running = undefined;
      },
    },
  );
  elector.start();
  return { close: () => elector.close() };
}

async function lead(
  options: ControllerManagerOptions,
  dependencies: ComponentDependencies,
  signal: AbortSignal,
): Promise<RunningComponent> {
  const context = new ControllerContext(dependencies);
  const parts = createControllers(options, context);
  const close = async (): Promise<void> => {
    await Promise.all(parts.controllers.map((controller) => controller.close()));
    await Promise.all(parts.recorders.map((one) => one.close()));
    await context.close();
  };
  try {
    // Only what the server serves can be collected.
    const collector = new GarbageCollector(
      context,
      await dependencies.client.resources({ signal }),
    );
    parts.controllers.push(collector);
    await context.synced(signal);
  } catch (error) {
    await close();
    throw error;
  }
  for (const controller of parts.controllers) controller.start();
  dependencies.logger.info("controllers started", { count: parts.controllers.length });
  return { close };
}

function createControllers(
  options: ControllerManagerOptions,
  context: ControllerContext,
): { readonly controllers: Controller[]; readonly recorders: readonly EventRecorder[] } {
  const recorders: EventRecorder[] = [];
  const recorder = (component: string): EventRecorder => {
    const made = new EventRecorder({ component }, context);
    recorders.push(made);
    return made;
  };
  const controllers = [
    new DeploymentController(context, recorder("deployment-controller")),
    new ReplicaSetController(context, recorder("replicaset-controller")),
    new EndpointSliceController(context),
    new NamespaceController(context),
    new NodeLifecycleController(context, recorder("node-controller"), options.nodeLifecycle),
    new ServiceAccountController(context),
  ];
  return { controllers, recorders };
}
