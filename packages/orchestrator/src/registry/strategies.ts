/**
 * What is particular to a resource: which part is its spec, what creation and deletion add, what an
 * update leaves alone. Resources without an entry are plain: all but their metadata is theirs.
 */
import type { Random } from "@sagong/base";
import { qualifiedResource } from "../api/api-status.js";
import type { Namespace, Pod, Service, Toleration } from "../api/gen/core-v1.js";
import type { KubeObject } from "../api/resource.js";
import { qosClass } from "../api/pod-qos.js";
import type { Storage } from "../storage/storage.js";
import { admitPod } from "./admit-pod.js";
import { allocateService, prepareServiceUpdate, releaseService } from "./service-addresses.js";

export interface StrategyContext {
  readonly storage: Storage;
  readonly random: Random;
  readonly nowText: () => string;
}

export interface Strategy {
  /** Whether metadata.generation counts changes of the spec. */
  readonly hasGeneration: boolean;
  specOf(object: KubeObject): unknown;
  /** The part that the status subresource writes. */
  statusOf(object: KubeObject): Partial<KubeObject>;
  prepareCreate(object: KubeObject, context: StrategyContext): KubeObject;
  /** Turns what a new object names into what it means; rejects where that is not there. */
  admit(object: KubeObject, context: StrategyContext): Promise<KubeObject>;
  prepareUpdate(object: KubeObject, before: KubeObject, context: StrategyContext): KubeObject;
  prepareDelete(object: KubeObject): KubeObject;
  /** Why this one stays whoever asks; undefined where it may go. */
  staysBecause(object: KubeObject): string | undefined;
  graceSeconds(object: KubeObject, asked: number | undefined): number;
  /** Takes what is scarce (addresses, ports) and `before` has not, right before it is stored. */
  allocate(object: KubeObject, context: StrategyContext, before?: KubeObject): Promise<KubeObject>;
  /** Gives back what `kept` has not, once the object is gone or was not stored after all. */
  release(object: KubeObject, context: StrategyContext, kept?: KubeObject): Promise<void>;
}

interface WithParts extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

const PLAIN: Strategy = {
  hasGeneration: false,
  specOf: () => undefined,
  statusOf: (object) => ({ status: (object as WithParts).status }) as Partial<KubeObject>,
  prepareCreate: (object) => object,
  admit: (object) => Promise.resolve(object),
  prepareUpdate: (object) => object,
  prepareDelete: (object) => object,
  staysBecause: () => undefined,
  graceSeconds: () => 0,
  allocate: (object) => Promise.resolve(object),
  release: () => Promise.resolve(),
};

/** Objects with spec and status: writing one leaves the other alone. */
const SPEC_AND_STATUS: Strategy = {
  ...PLAIN,
  specOf: (object) => (object as WithParts).spec,
  prepareCreate: (object) => ({ ...object, status: {} }) as KubeObject,
  prepareUpdate: (object, before) =>
    ({ ...object, status: (before as WithParts).status }) as KubeObject,
};

const WORKLOAD: Strategy = { ...SPEC_AND_STATUS, hasGeneration: true };

const POD: Strategy = {
  ...SPEC_AND_STATUS,
  hasGeneration: true,
  prepareCreate: (object) => preparePod(object as Pod),
  admit: (object, context) => admitPod(object as Pod, context),
  graceSeconds: (object, asked) => podGrace(object as Pod, asked),
};

/** Those that the admission plugin NamespaceLifecycle calls immortal. */
const IMMORTAL_NAMESPACES = ["default", "kube-system", "kube-public"];

const NAMESPACE: Strategy = {
  ...SPEC_AND_STATUS,
  staysBecause: ({ metadata }) =>
    IMMORTAL_NAMESPACES.includes(metadata.name ?? "")
      ? "this namespace may not be deleted"
      : undefined,
  prepareCreate: (object) => {
    const namespace: Namespace = {
      ...(object as Namespace), // The table below gives this strategy to namespaces only.
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    };
    return namespace;
  },
  prepareDelete: (object) => {
    const namespace = object as Namespace; // As above.
    const held = (namespace.spec?.finalizers ?? []).length > 0;
    return {
      ...namespace,
      metadata: {
        ...namespace.metadata,
        ...(held ? { deletionGracePeriodSeconds: 1 } : { deletionGracePeriodSeconds: 0 }),
      },
      status: { ...namespace.status, phase: "Terminating" },
    } as KubeObject;
  },
};

const SERVICE: Strategy = {
  ...SPEC_AND_STATUS,
  prepareCreate: (object) => ({ ...object, status: { loadBalancer: {} } }) as KubeObject,
  prepareUpdate: (object, before) => prepareServiceUpdate(object as Service, before as Service), // As above.
  allocate: (object, context, before) =>
    allocateService(object as Service, context, before as Service | undefined),
  release: (object, context, kept) =>
    releaseService(object as Service, context, kept as Service | undefined),
};

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  pods: POD,
  namespaces: NAMESPACE,
  nodes: { ...SPEC_AND_STATUS, prepareCreate: (object) => object },
  services: SERVICE,
  "deployments.apps": WORKLOAD,
  "replicasets.apps": WORKLOAD,
};

export function strategyOf(resource: {
  readonly group: string;
  readonly resource: string;
}): Strategy {
  return STRATEGIES[qualifiedResource(resource)] ?? PLAIN;
}

/** Kubernetes' admission plugins Priority, ServiceAccount and DefaultTolerationSeconds. */
function preparePod(pod: Pod): Pod {
  const { spec } = pod;
  if (!spec) return pod;
  const tolerations = [...(spec.tolerations ?? [])];
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
    const covered = tolerations.some(
      (one) =>
        (one.key === key || one.key === undefined) &&
        (one.effect === "NoExecute" || one.effect === undefined),
    );
    const added: Toleration = {
      key,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 300,
    };
    if (!covered) tolerations.push(added);
  }
  return {
    ...pod,
    spec: {
      priority: 0,
      preemptionPolicy: "PreemptLowerPriority",
      ...spec,
      serviceAccountName: spec.serviceAccountName ?? "default",
      serviceAccount: spec.serviceAccountName ?? "default",
      tolerations,
    },
    status: { phase: "Pending", qosClass: qosClass(pod) },
  };
}

/** At once where nothing runs that would have to be told. */
function podGrace({ spec, status }: Pod, asked: number | undefined): number {
  if (!spec?.nodeName || status?.phase === "Succeeded" || status?.phase === "Failed") return 0;
  return Math.max(0, asked ?? spec.terminationGracePeriodSeconds ?? 30);
}
