/** A scheduler that works while it holds the lease `kube-scheduler`. */
import type { RunningComponent, ComponentDependencies } from "../controller/component.js";
import { NODES, PODS } from "../api/resources.js";
import { ControllerContext } from "../controller/controller-context.js";
import { EventRecorder } from "../controller/event-recorder.js";
import { LeaderElector } from "../controller/leader-elector.js";
import { DEFAULT_FILTERS, DEFAULT_SCORES } from "./plugins/default-plugins.js";
import { DEFAULT_SCHEDULER_NAME, Scheduler } from "./scheduler.js";

export interface SchedulerOptions {
  /** Who we are in the election; the same again after a restart, so that it is won at once. */
  readonly identity: string;
}

export function startScheduler(
  options: SchedulerOptions,
  dependencies: ComponentDependencies,
): RunningComponent {
  let running: RunningComponent | undefined;
  const elector = new LeaderElector(
    { name: "kube-scheduler", identity: options.identity },
    {
      ...dependencies,
      onStart: async () => {
        running = await lead(dependencies);
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

async function lead(dependencies: ComponentDependencies): Promise<RunningComponent> {
  const context = new ControllerContext(dependencies);
  const recorder = new EventRecorder({ component: DEFAULT_SCHEDULER_NAME }, dependencies);
  const scheduler = new Scheduler({
    ...dependencies,
    pods: context.informer(PODS),
    nodes: context.informer(NODES),
    recorder,
    plugins: { filters: DEFAULT_FILTERS, scores: DEFAULT_SCORES },
  });
  await context.synced();
  scheduler.start();
  dependencies.logger.info("scheduler started");
  return {
    close: async () => {
      await scheduler.close();
      await recorder.close();
      await context.close();
    },
  };
}
