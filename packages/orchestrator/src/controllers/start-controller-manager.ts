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
      onStart: async () => {
        running = await lead(options, dependencies);
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
): Promise<RunningComponent> {
  const context = new ControllerContext(dependencies);
  const recorder = (component: string): EventRecorder =>
    new EventRecorder({ component }, dependencies);
  const recorders = {
    deployment: recorder("deployment-controller"),
    replicaSet: recorder("replicaset-controller"),
  };
  const controllers: Controller[] = [
    new DeploymentController(context, recorders.deployment),
    new ReplicaSetController(context, recorders.replicaSet),
    new EndpointSliceController(context),
    new NamespaceController(context),
    new GarbageCollector(context, await dependencies.client.resources()),
    new NodeLifecycleController(context, options.nodeLifecycle),
    new ServiceAccountController(context),
  ];
  await context.synced();
  for (const controller of controllers) controller.start();
  dependencies.logger.info("controllers started", { count: controllers.length });
  return {
    close: async () => {
      await Promise.all(controllers.map((controller) => controller.close()));
      await Promise.all(Object.values(recorders).map((one) => one.close()));
      await context.close();
    },
  };
}
