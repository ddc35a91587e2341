/**
 * What is particular to a resource: which part is its spec, what creation and deletion add, what an
 * update leaves alone. Resources without an entry are plain: all but their metadata is theirs.
 */
import type { Random } from "@sagong/base";
import { randomBelow } from "@sagong/base";
import { ApiError, qualifiedResource } from "../api/api-status.js";
import type { Namespace, Pod, Service, Toleration } from "../api/gen/core-v1.js";
import type { KubeObject } from "../api/resource.js";
import { qosClass } from "../api/pod-qos.js";
import type { Storage } from "../storage/storage.js";

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
  prepareUpdate(object: KubeObject, before: KubeObject, context: StrategyContext): KubeObject;
  prepareDelete(object: KubeObject): KubeObject;
  graceSeconds(object: KubeObject, asked: number | undefined): number;
  /** Takes what is scarce (addresses, ports), right before the object is stored. */
  allocate(object: KubeObject, context: StrategyContext): Promise<KubeObject>;
  /** Gives it back, once the object is gone or was not stored after all. */
  release(object: KubeObject, context: StrategyContext): Promise<void>;
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
  prepareUpdate: (object) => object,
  prepareDelete: (object) => object,
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
  graceSeconds: (object, asked) => podGrace(object as Pod, asked),
};

const NAMESPACE: Strategy = {
  ...SPEC_AND_STATUS,
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
  prepareUpdate: (object, before) => {
    const [now, old] = [object as Service, before as Service]; // As above.
    // Addresses stay where the update does not speak of them.
    const spec = {
      ...now.spec,
      clusterIP: now.spec?.clusterIP ?? old.spec?.clusterIP,
      clusterIPs: now.spec?.clusterIPs ?? old.spec?.clusterIPs,
      ports: now.spec?.ports?.map((port) => ({
        ...port,
        nodePort:
          port.nodePort ??
          old.spec?.ports?.find(({ port: number }) => number === port.port)?.nodePort,
      })),
    };
    return { ...now, spec, status: old.status };
  },
  allocate: (object, context) => allocateService(object as Service, context),
  release: (object, context) => releaseService(object as Service, context),
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

const IP_RANGE = "/ranges/serviceips/";
const PORT_RANGE = "/ranges/servicenodeports/";
const SERVICE_IPS = 65_534;
const NODE_PORT_FIRST = 30_000;
const NODE_PORTS = 2_768;
const MAX_TRIES = 200;

async function allocateService(service: Service, context: StrategyContext): Promise<Service> {
  const spec = service.spec ?? {};
  if (spec.type === "ExternalName" || spec.clusterIP === "None") {
    return {
      ...service,
      spec: { ...spec, ...(spec.clusterIP ? { clusterIPs: [spec.clusterIP] } : {}) },
    };
  }
  const holder = { metadata: { name: `${service.metadata.namespace}/${service.metadata.name}` } };
  const clusterIP = spec.clusterIP || undefined;
  const ip = await take(context, {
    prefix: IP_RANGE,
    wanted: clusterIP,
    holder,
    pick: () => ipAt(1 + randomBelow(context.random, SERVICE_IPS)),
  });
  if (ip === undefined) {
    throw new ApiError(
      "Invalid",
      `Service "${service.metadata.name}" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: failed to allocate IP ${clusterIP}: provided IP is already allocated`,
    );
  }
  if (spec.type !== "NodePort" && spec.type !== "LoadBalancer") {
    return { ...service, spec: { ...spec, clusterIP: ip, clusterIPs: [ip] } };
  }
  const ports = [];
  for (const port of spec.ports ?? []) {
    // Protobuf bodies say 0 where JSON says nothing.
    const wanted = port.nodePort ? String(port.nodePort) : undefined;
    const pick = (): string => String(NODE_PORT_FIRST + randomBelow(context.random, NODE_PORTS));
    const nodePort = await take(context, { prefix: PORT_RANGE, wanted, holder, pick });
    if (nodePort === undefined) {
      await releaseService({ ...service, spec: { ...spec, clusterIP: ip, ports } }, context);
      throw new ApiError(
        "Invalid",
        `Service "${service.metadata.name}" is invalid: spec.ports[${ports.length}].nodePort: Invalid value: ${wanted}: provided port is already allocated`,
      );
    }
    ports.push({ ...port, nodePort: Number(nodePort) });
  }
  return { ...service, spec: { ...spec, clusterIP: ip, clusterIPs: [ip], ports } };
}

/** One key for each address or port that is taken: creating it is what takes it. */
async function take(
  { storage }: StrategyContext,
  range: {
    readonly prefix: string;
    readonly wanted: string | undefined;
    readonly holder: KubeObject;
    readonly pick: () => string;
  },
): Promise<string | undefined> {
  if (range.wanted !== undefined) {
    const taken = await storage.create(`${range.prefix}${range.wanted}`, range.holder);
    return taken === undefined ? undefined : range.wanted;
  }
  for (let i = 0; i < MAX_TRIES; i++) {
    const value = range.pick();
    if ((await storage.create(`${range.prefix}${value}`, range.holder)) !== undefined) return value;
  }
  throw new ApiError(
    "InternalError",
    `no free place was found under ${range.prefix} in ${MAX_TRIES} tries`,
  );
}

async function releaseService({ spec }: Service, { storage }: StrategyContext): Promise<void> {
  const keys = [
    ...(spec?.clusterIP && spec.clusterIP !== "None" ? [`${IP_RANGE}${spec.clusterIP}`] : []),
    ...(spec?.ports ?? []).flatMap(({ nodePort }) =>
      nodePort ? [`${PORT_RANGE}${nodePort}`] : [],
    ),
  ];
  for (const key of keys) {
    const stored = await storage.get(key);
    if (stored) await storage.delete(key, stored.version);
  }
}

/** 10.96.0.0/16, Kubernetes' customary service range. */
function ipAt(host: number): string {
  return `10.96.${host >> 8}.${host & 255}`;
}
