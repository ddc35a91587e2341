/**
 * Objects as Kubernetes writes them: Go's JSON encoder leaves out optional fields that are empty
 * (`omitempty`), and a Go object cannot tell those from absent ones. Clients depend on it: protobuf
 * bodies spell out every zero, manifests say `hostNetwork: false`, and a removed label must not
 * leave `labels: {}` behind.
 *
 * A field whose Go type is a pointer keeps its zero: `replicas: 0` is not "no replicas given". The
 * schema facts do not tell pointers, so they stand in the table below (k8s.io/api, types.go).
 */
import type { Schema, TypeRef } from "../schema/schema.js";

/** By the last parts of the type's name: those optional scalars whose zero means something. */
const POINTERS: Readonly<Record<string, readonly string[]>> = {
  "v1.ObjectMeta": ["deletionGracePeriodSeconds"],
  "v1.OwnerReference": ["blockOwnerDeletion", "controller"],
  "v1.NodeFeatures": ["supplementalGroupsPolicy"],
  "v1.NodeRuntimeHandlerFeatures": ["recursiveReadOnlyMounts", "userNamespaces"],
  "v1.NodeSwapStatus": ["capacity"],
  "v1.PodSpec": [
    "activeDeadlineSeconds",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "hostUsers",
    "hostnameOverride",
    "preemptionPolicy",
    "priority",
    "runtimeClassName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "terminationGracePeriodSeconds",
  ],
  "v1.ConfigMapKeySelector": ["optional"],
  "v1.SecretKeySelector": ["optional"],
  "v1.FileKeySelector": ["optional"],
  "v1.ConfigMapEnvSource": ["optional"],
  "v1.SecretEnvSource": ["optional"],
  "v1.Container": ["restartPolicy"],
  "v1.EphemeralContainer": ["restartPolicy"],
  "v1.Lifecycle": ["stopSignal"],
  "v1.Probe": ["terminationGracePeriodSeconds"],
  "v1.GRPCAction": ["service"],
  "v1.SecurityContext": [
    "allowPrivilegeEscalation",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
  ],
  "v1.AppArmorProfile": ["localhostProfile"],
  "v1.SeccompProfile": ["localhostProfile"],
  "v1.WindowsSecurityContextOptions": [
    "gmsaCredentialSpec",
    "gmsaCredentialSpecName",
    "hostProcess",
    "runAsUserName",
  ],
  "v1.VolumeMount": ["mountPropagation", "recursiveReadOnly"],
  "v1.VolumeMountStatus": ["recursiveReadOnly"],
  "v1.PodDNSConfigOption": ["value"],
  "v1.PodResourceClaim": ["resourceClaimName", "resourceClaimTemplateName"],
  "v1.PodResourceClaimStatus": ["resourceClaimName"],
  "v1.PodSecurityContext": [
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxChangePolicy",
    "supplementalGroupsPolicy",
  ],
  "v1.Toleration": ["tolerationSeconds"],
  "v1.TopologySpreadConstraint": ["minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy"],
  "v1.AzureDiskVolumeSource": ["cachingMode", "fsType", "kind", "readOnly"],
  "v1.ConfigMapVolumeSource": ["defaultMode", "optional"],
  "v1.SecretVolumeSource": ["defaultMode", "optional"],
  "v1.DownwardAPIVolumeSource": ["defaultMode"],
  "v1.ProjectedVolumeSource": ["defaultMode"],
  "v1.KeyToPath": ["mode"],
  "v1.DownwardAPIVolumeFile": ["mode"],
  "v1.CSIVolumeSource": ["fsType", "readOnly"],
  "v1.TypedLocalObjectReference": ["apiGroup"],
  "v1.TypedObjectReference": ["apiGroup", "namespace"],
  "v1.PersistentVolumeClaimSpec": ["storageClassName", "volumeAttributesClassName", "volumeMode"],
  "v1.FCVolumeSource": ["lun"],
  "v1.ISCSIVolumeSource": ["initiatorName"],
  "v1.HostPathVolumeSource": ["type"],
  "v1.ClusterTrustBundleProjection": ["name", "optional", "signerName"],
  "v1.ConfigMapProjection": ["optional"],
  "v1.SecretProjection": ["optional"],
  "v1.PodCertificateProjection": ["maxExpirationSeconds"],
  "v1.ServiceAccountTokenProjection": ["expirationSeconds"],
  "v1.ContainerStatus": ["started", "stopSignal"],
  "v1.ServiceSpec": [
    "allocateLoadBalancerNodePorts",
    "internalTrafficPolicy",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "trafficDistribution",
  ],
  "v1.ServicePort": ["appProtocol"],
  "v1.ClientIPConfig": ["timeoutSeconds"],
  "v1.LoadBalancerIngress": ["ipMode"],
  "v1.PortStatus": ["error"],
  "v1.EndpointAddress": ["nodeName"],
  "v1.ConfigMap": ["immutable"],
  "v1.Secret": ["immutable"],
  "v1.ServiceAccount": ["automountServiceAccountToken"],
  "v1.DeploymentSpec": ["progressDeadlineSeconds", "replicas", "revisionHistoryLimit"],
  "v1.RollingUpdateDeployment": ["maxSurge", "maxUnavailable"],
  "v1.DeploymentStatus": ["collisionCount", "terminatingReplicas"],
  "v1.ReplicaSetSpec": ["replicas"],
  "v1.ReplicaSetStatus": ["terminatingReplicas"],
  // The core group's EndpointPort has a plain name; its objects lose one that is empty elsewhere.
  "discovery.v1.EndpointPort": ["appProtocol", "name", "port", "protocol"],
  "v1.EndpointConditions": ["ready", "serving", "terminating"],
  "v1.Endpoint": ["hostname", "nodeName", "zone"],
  "v1.LeaseSpec": [
    "holderIdentity",
    "leaseDurationSeconds",
    "leaseTransitions",
    "preferredHolder",
    "strategy",
  ],
};

type Tree = Readonly<Record<string, unknown>>;

/**
 * `object` without what Go leaves out; the same object where that is nothing. Fields that the type
 * does not know stay as they are.
 */
export function omitEmpty<T extends object>(schema: Schema, typeName: string, object: T): T {
  return message(schema, typeName, object as Tree) as T; // Fields only go that T has as optional.
}

function message(schema: Schema, typeName: string, value: Tree): Tree {
  const fields = schema.typeOf(typeName)?.fields;
  if (!fields) return value;
  let changed: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(value)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (!field || inner === undefined) continue;
    if (!field.required && isEmpty(field.type, inner) && !isPointer(typeName, key)) {
      changed ??= { ...value };
      delete changed[key];
      continue;
    }
    const next = part(schema, field.type, inner);
    if (next === inner) continue;
    changed ??= { ...value };
    changed[key] = next;
  }
  return changed ?? value;
}

function part(schema: Schema, type: TypeRef, value: unknown): unknown {
  if (typeof type === "string") return isTree(value) ? message(schema, type, value) : value;
  if (isListType(type)) {
    if (!Array.isArray(value)) return value;
    const items = value.map((item) => part(schema, type[0], item));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if (!isTree(value)) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [key, part(schema, type["*"], item)] as const,
  );
  return entries.some(([key, item]) => item !== value[key]) ? Object.fromEntries(entries) : value;
}

/** Empty lists and maps, and zeros of scalars. Messages are never empty: `emptyDir: {}` says much. */
function isEmpty(type: TypeRef, value: unknown): boolean {
  if (typeof type === "string") return value === "" || value === 0 || value === false;
  if (isListType(type)) return Array.isArray(value) && value.length === 0;
  return isTree(value) && Object.keys(value).length === 0;
}

function isPointer(typeName: string, field: string): boolean {
  const parts = typeName.split(".");
  const names = [parts.slice(-2).join("."), parts.slice(-3).join(".")];
  return names.some((name) => POINTERS[name]?.includes(field));
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListType(type: TypeRef): type is readonly [TypeRef] {
  return Array.isArray(type);
}
