/**
 * Who makes and changes Deployments, as kubectl would: each change is tried until the API server has
 * taken it, in the order in which they were asked for.
 */
import { delay, randomBelow } from "@sagong/base";
import {
  type Deployment,
  DEPLOYMENTS,
  isApiError,
  keyOf,
  NAMESPACES,
  NODES,
  PODS,
  REPLICA_SETS,
} from "@sagong/orchestrator/api";
import type { ObjectClient } from "@sagong/orchestrator/client";
import type {
  PlannedDeployment,
  PlannedStrategy,
  PlannedTemplate,
  RolloutAction,
} from "./rollout-plan.js";
import { CRASHES_ANNOTATION, READY_MS_ANNOTATION } from "./simulated-node.js";
import type { SimulatedProcess } from "./simulated-process.js";

export const NAMESPACE = "default";
const RETRY_MS = 300;
const GRACE_SECONDS = 5;
const HISTORY_LIMIT = 2;

export class SimulatedUser {
  readonly #client: ObjectClient;
  readonly #process: SimulatedProcess;
  readonly #onIgnored: (text: string) => void;
  readonly #deployments: readonly PlannedDeployment[];
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(
    deployments: readonly PlannedDeployment[],
    {
      client,
      process,
      onIgnored,
    }: {
      readonly client: ObjectClient;
      readonly process: SimulatedProcess;
      /** The API server answered with something else than was asked for. */
      readonly onIgnored: (text: string) => void;
    },
  ) {
    this.#deployments = deployments;
    this.#client = client;
    this.#process = process;
    this.#onIgnored = onIgnored;
  }

  /** Everything that was asked for is done. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  begin(): void {
    for (const name of [NAMESPACE, "kube-system", "kube-node-lease"]) {
      this.#do(async () => void (await this.#client.create(NAMESPACES, { metadata: { name } })));
    }
    for (const planned of this.#deployments) {
      const asked = deploymentOf(planned);
      this.#do(async () => this.#compare(asked, await this.#client.create(DEPLOYMENTS, asked)));
    }
  }

  act(action: RolloutAction): void {
    switch (action.kind) {
      case "template":
        return this.#patch(action.deployment, { template: templateOf(action.template) });
      case "scale":
        return this.#patch(action.deployment, { replicas: action.replicas });
      case "strategy":
        return this.#patch(action.deployment, { strategy: strategyOf(action.strategy) });
      case "pause":
        return this.#patch(action.deployment, { paused: action.paused });
      case "delete-pod":
        return this.#do(() => this.#deletePod());
      case "meddle":
        return this.#do(() => this.#meddle(action.deployment));
      default:
        return;
    }
  }

  /** The last word on each: it goes on, with pods that work. */
  settle(version: number): void {
    const template = templateOf({ version, readyMs: 300, crashes: 0 });
    this.#deployments.forEach((_, i) => this.#patch(i, { paused: false, template }));
  }

  #patch(index: number, spec: Readonly<Record<string, unknown>>): void {
    const name = this.#deployments[index]?.name;
    if (name === undefined) return;
    const key = { namespace: NAMESPACE, name };
    this.#do(async () => {
      const patch = { spec };
      this.#compare(patch, await this.#client.patch(DEPLOYMENTS, key, patch, { type: "merge" }));
    });
  }

  #compare(asked: object, got: Deployment): void {
    const missing = missingIn(got, asked, "");
    if (missing !== undefined) this.#onIgnored(`${got.metadata.name}${missing}`);
  }

  async #deletePod(): Promise<void> {
    const { items } = await this.#client.list(PODS, { namespace: NAMESPACE });
    const pod = items[randomBelow(this.#process.random, Math.max(1, items.length))];
    if (pod) await this.#client.delete(PODS, keyOf(pod));
  }

  async #meddle(index: number): Promise<void> {
    const name = this.#deployments[index]?.name ?? "";
    const note = String(this.#process.random.nextUint32());
    const patch = { metadata: { annotations: { "simulation/note": note } } };
    const type = "merge";
    const { items } = await this.#client.list(REPLICA_SETS, { namespace: NAMESPACE });
    for (const one of items) {
      if (one.metadata.ownerReferences?.[0]?.name !== name) continue;
      await this.#client.patch(REPLICA_SETS, keyOf(one), patch, { type });
    }
    await this.#client.patch(DEPLOYMENTS, { namespace: NAMESPACE, name }, patch, { type });
    await this.#bindSomething();
  }

  /** As another scheduler would that knows nothing of ours. */
  async #bindSomething(): Promise<void> {
    const { random } = this.#process;
    const { items: pods } = await this.#client.list(PODS, { namespace: NAMESPACE });
    const { items: nodes } = await this.#client.list(NODES);
    const pod = pods[randomBelow(random, Math.max(1, pods.length))];
    const node = nodes[randomBelow(random, Math.max(1, nodes.length))];
    if (!pod || !node) return;
    const { name = "" } = node.metadata;
    const binding = { metadata: pod.metadata, target: { kind: "Node", name } };
    try {
      await this.#client.createSubresource(PODS, keyOf(pod), "binding", binding);
    } catch (error) {
      // Most have a node by now, and keep it.
      if (!isApiError(error, "Conflict")) throw error;
    }
  }

  #do(act: () => Promise<void>): void {
    this.#waiting++;
    this.#last = this.#last.then(() => this.#untilDone(act));
  }

  async #untilDone(act: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await act();
        break;
      } catch (error) {
        // Done by an earlier try whose answer was lost, or gone meanwhile.
        if (isApiError(error, "AlreadyExists", "NotFound")) break;
        if (!isApiError(error, "ServiceUnavailable", "Timeout", "Conflict")) throw error;
        await delay(this.#process.clock, RETRY_MS);
      }
    }
    this.#waiting--;
  }
}

function deploymentOf({
  name,
  replicas,
  strategy,
  minReadySeconds,
}: PlannedDeployment): Deployment {
  const labels = { app: name };
  const template = templateOf({ version: 1, readyMs: 500, crashes: 0 });
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      replicas,
      minReadySeconds,
      progressDeadlineSeconds: 60,
      revisionHistoryLimit: HISTORY_LIMIT,
      selector: { matchLabels: labels },
      strategy: strategyOf(strategy),
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** As a merge patch over another template it leaves the labels alone. */
function templateOf({ version, readyMs, crashes }: PlannedTemplate) {
  return {
    metadata: {
      annotations: { [READY_MS_ANNOTATION]: `${readyMs}`, [CRASHES_ANNOTATION]: `${crashes}` },
    },
    spec: {
      terminationGracePeriodSeconds: GRACE_SECONDS,
      containers: [
        { name: "main", image: `app:${version}`, resources: { requests: { cpu: "50m" } } },
      ],
    },
  };
}

function strategyOf(strategy: PlannedStrategy) {
  // A merge patch: what the other kind had must go.
  if (strategy === "Recreate")
    return { type: "Recreate", rollingUpdate: null } as unknown as object;
  return { type: "RollingUpdate", rollingUpdate: strategy };
}

/** The first part of `asked` that `got` has not, as `.path is …, expected …`; null stands for absent. */
function missingIn(got: unknown, asked: unknown, path: string): string | undefined {
  if (typeof asked !== "object" || asked === null) {
    if ((got ?? null) === asked) return undefined;
    // Go's omitempty: nobody can tell these from absent.
    if (got === undefined && (asked === false || asked === 0) && !KEPT.has(path)) return undefined;
    return `${path} is ${JSON.stringify(got)}, expected ${JSON.stringify(asked)}`;
  }
  for (const [key, value] of Object.entries(asked)) {
    const inner = (got as Readonly<Record<string, unknown>> | undefined)?.[key]; // As JSON is read.
    const missing = missingIn(inner, value, `${path}.${key}`);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

/** Whose zero means something. */
const KEPT: ReadonlySet<string> = new Set([
  ".spec.replicas",
  ".spec.strategy.rollingUpdate.maxSurge",
  ".spec.strategy.rollingUpdate.maxUnavailable",
]);
