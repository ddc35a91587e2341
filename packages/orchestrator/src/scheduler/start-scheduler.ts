/** A scheduler that works while it holds the lease `kube-scheduler`. */
import { TaskGroup, errorText } from "@sagong/base";
import { NODES, PODS } from "../api/resources.js";
import type { ComponentDependencies, RunningComponent } from "../controller/component.js";
import { EventRecorder } from "../controller/event-recorder.js";
import { LeaderElector } from "../controller/leader-elector.js";
import { Informer } from "../informer/informer.js";
import { DEFAULT_PLUGINS } from "./plugins/default-plugins.js";
import { DEFAULT_SCHEDULER_NAME, Scheduler } from "./scheduler.js";

export interface SchedulerOptions {
  /** Who we are in the election; the same again after a restart, so that it is won at once. */
  readonly identity: string;
  /** What a turn of the event loop is, where it is not Node's. */
  readonly nextTurn?: () => Promise<void>;
}

/** What has ended takes nothing of its node any more: kube-scheduler's own selector. */
const PODS_NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed";

export function startScheduler(
  options: SchedulerOptions,
  dependencies: ComponentDependencies,
): RunningComponent {
  let running: RunningComponent | undefined;
  const elector = new LeaderElector(
    { name: "kube-scheduler", identity: options.identity },
    {
      ...dependencies,
      onStart: () => {
        running = lead(options, dependencies);
        return Promise.resolve();
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

/** Begins once it knows the cluster; the lease is renewed meanwhile. */
function lead(
  { nextTurn }: SchedulerOptions,
  dependencies: ComponentDependencies,
): RunningComponent {
  const { logger } = dependencies;
  const pods = new Informer({ resource: PODS, fieldSelector: PODS_NOT_ENDED }, dependencies);
  const nodes = new Informer({ resource: NODES }, dependencies);
  const recorder = new EventRecorder({ component: DEFAULT_SCHEDULER_NAME }, dependencies);
  const scheduler = new Scheduler({
    ...dependencies,
    pods: pods.start(),
    nodes: nodes.start(),
    recorder,
    plugins: DEFAULT_PLUGINS,
    nextTurn,
  });
  const tasks = new TaskGroup((error) =>
    logger.error("scheduler did not start", { error: errorText(error) }),
  );
  let stop: () => void = () => {};
  const stopped = new Promise<"stopped">((resolve) => {
    stop = () => resolve("stopped");
  });
  tasks.run("start", async () => {
    const synced = Promise.all([pods.synced(), nodes.synced()]);
    if ((await Promise.race([synced, stopped])) === "stopped") return;
    scheduler.start();
    logger.info("scheduler started", { nodes: nodes.list().length, pods: pods.list().length });
  });
  return {
    close: async () => {
      stop();
      await tasks.settled();
      await scheduler.close();
      await recorder.close();
      await Promise.all([pods.close(), nodes.close()]);
    },
  };
}
