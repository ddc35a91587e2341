/** Defaults by resource, applied on every write; idempotent. Kinds without any are left as they are. */
import type { Deployment, ReplicaSet } from "../gen/apps-v1.js";
import type {
  Namespace,
  Pod,
  PodTemplateSpec,
  Secret,
  Service,
  ServiceAccount,
} from "../gen/core-v1.js";
import type { KubeObject } from "../resource.js";
import { encodeBase64 } from "../codec/base64.js";
import { encodeUtf8 } from "@sagong/base";
import { defaultPod, defaultPodSpec } from "./pod-defaults.js";

type Default = (object: KubeObject) => KubeObject;

/** A function of one kind as one of any: the table below says which kind each gets. */
function of<T extends KubeObject>(apply: (object: T) => T): Default {
  return (object) => apply(object as T); // Looked up by the object's own resource.
}

const DEFAULTS: Readonly<Record<string, Default>> = {
  pods: of<Pod>(defaultPod),
  "deployments.apps": of<Deployment>(defaultDeployment),
  "replicasets.apps": of<ReplicaSet>(defaultReplicaSet),
  services: of<Service>(defaultService),
  secrets: of<Secret>(defaultSecret),
  namespaces: of<Namespace>((namespace) => ({
    ...namespace,
    metadata: {
      ...namespace.metadata,
      labels: {
        ...namespace.metadata.labels,
        "kubernetes.io/metadata.name": namespace.metadata.name ?? "",
      },
    },
  })),
  serviceaccounts: of<ServiceAccount>((account) => account),
};

/** `resource` as `pods` or `deployments.apps`. */
export function applyDefaults(resource: string, object: KubeObject): KubeObject {
  return DEFAULTS[resource]?.(object) ?? object;
}

function defaultDeployment(deployment: Deployment): Deployment {
  const { spec } = deployment;
  if (!spec) return deployment;
  const type = spec.strategy?.type ?? "RollingUpdate";
  const rolling = type === "RollingUpdate";
  return {
    ...deployment,
    spec: {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
      strategy: {
        ...spec.strategy,
        type,
        ...(rolling
          ? {
              rollingUpdate: {
                maxUnavailable: "25%",
                maxSurge: "25%",
                ...spec.strategy?.rollingUpdate,
              },
            }
          : {}),
      },
      template: defaultTemplate(spec.template),
    },
  };
}

function defaultReplicaSet(replicaSet: ReplicaSet): ReplicaSet {
  const { spec } = replicaSet;
  if (!spec) return replicaSet;
  return {
    ...replicaSet,
    spec: {
      replicas: 1,
      ...spec,
      ...(spec.template ? { template: defaultTemplate(spec.template) } : {}),
    },
  };
}

function defaultTemplate(template: PodTemplateSpec): PodTemplateSpec {
  if (!template?.spec) return template;
  return { ...template, spec: defaultPodSpec(template.spec) };
}

function defaultService(service: Service): Service {
  const { spec } = service;
  if (!spec) return service;
  const type = spec.type ?? "ClusterIP";
  const external = type === "ExternalName";
  return {
    ...service,
    spec: {
      sessionAffinity: "None",
      ...spec,
      type,
      ...(external
        ? {}
        : {
            internalTrafficPolicy: spec.internalTrafficPolicy ?? "Cluster",
            ipFamilies: spec.ipFamilies ?? ["IPv4"],
            ipFamilyPolicy: spec.ipFamilyPolicy ?? "SingleStack",
          }),
      ...(type === "NodePort" || type === "LoadBalancer"
        ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? "Cluster" }
        : {}),
      ...(spec.ports
        ? {
            ports: spec.ports.map((port) => ({
              ...port,
              protocol: port.protocol ?? "TCP",
              targetPort: port.targetPort ?? port.port,
            })),
          }
        : {}),
    },
  };
}

/** stringData is for writing only: it ends up in data. */
function defaultSecret({ stringData, ...secret }: Secret): Secret {
  const added = Object.entries(stringData ?? {}).map(([key, text]) => [
    key,
    encodeBase64(encodeUtf8(text)),
  ]);
  return {
    ...secret,
    type: secret.type ?? "Opaque",
    ...(added.length > 0 ? { data: { ...secret.data, ...Object.fromEntries(added) } } : {}),
  };
}
