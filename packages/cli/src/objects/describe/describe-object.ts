/** One object described: what belongs to it is read, and its kind's describer writes. */
import {
  type Deployment,
  ENDPOINT_SLICES,
  type EndpointSlice,
  type Event,
  EVENTS,
  isApiError,
  type KubeObject,
  type Lease,
  LEASES,
  type Pod,
  PODS,
  qualifiedResource,
  REPLICA_SETS,
  type ReplicaSet,
  type Resource,
  selectorText,
} from "@sagong/orchestrator/api";
import type { ListCall } from "../session/api-calls.js";
import type { ServerResource } from "../session/discovery.js";
import type { Session } from "../session/session.js";
import { describeEndpoints, describeEndpointSlice, describeService } from "./describe-network.js";
import { describeNode } from "./describe-node.js";
import { describePod } from "./describe-pod.js";
import {
  describeAnything,
  describeConfigMap,
  describeNamespace,
  describeSecret,
  describeServiceAccount,
} from "./describe-small.js";
import { DescribeText } from "./describe-text.js";
import { describeDeployment, describeReplicaSet } from "./describe-workloads.js";
import type { Describer, RelatedObjects } from "./describer.js";

interface Entry {
  readonly describe: Describer<KubeObject>;
  /** What else is to be read. */
  readonly related?: (session: Session, object: KubeObject) => Promise<RelatedObjects>;
}

function entry<T extends KubeObject>(
  describe: Describer<T>,
  related?: (session: Session, object: T) => Promise<RelatedObjects>,
): Entry {
  // Looked up by the object's own resource.
  return { describe, ...(related ? { related } : {}) } as Entry;
}

const ENTRIES: Readonly<Record<string, Entry>> = {
  pods: entry(describePod),
  "deployments.apps": entry<Deployment>(describeDeployment, async (session, { metadata, spec }) => {
    const labelSelector = selectorText(spec?.selector ?? {});
    const call = { namespace: metadata.namespace, labelSelector };
    return { replicaSets: (await listed(session, REPLICA_SETS, call)) as readonly ReplicaSet[] };
  }),
  "replicasets.apps": entry<ReplicaSet>(describeReplicaSet, async (session, { metadata, spec }) => {
    const labelSelector = selectorText(spec?.selector ?? {});
    const call = { namespace: metadata.namespace, labelSelector };
    return { pods: (await listed(session, PODS, call)) as readonly Pod[] };
  }),
  services: entry(describeService, async (session, { metadata }) => {
    const labelSelector = `kubernetes.io/service-name=${metadata.name ?? ""}`;
    const call = { namespace: metadata.namespace, labelSelector };
    return {
      endpointSlices: (await listed(session, ENDPOINT_SLICES, call)) as readonly EndpointSlice[],
    };
  }),
  endpoints: entry(describeEndpoints),
  "endpointslices.discovery.k8s.io": entry(describeEndpointSlice),
  nodes: entry(describeNode, async (session, { metadata }) => {
    const { name = "" } = metadata;
    const call = { fieldSelector: `spec.nodeName=${name}` };
    return {
      pods: (await listed(session, PODS, call)) as readonly Pod[],
      lease: await leaseOf(session, name),
    };
  }),
  namespaces: entry(describeNamespace),
  configmaps: entry(describeConfigMap),
  secrets: entry(describeSecret),
  serviceaccounts: entry(describeServiceAccount),
};

export async function describeObject(
  session: Session,
  { resource, object }: { readonly resource: ServerResource; readonly object: KubeObject },
  options: { readonly showEvents: boolean },
): Promise<string> {
  const found = ENTRIES[qualifiedResource(resource)] ?? entry(describeAnything);
  const text = new DescribeText();
  found.describe(text, object, {
    events: options.showEvents ? await eventsOf(session, object) : undefined,
    nowMs: session.clock.wallMs(),
    related: (await found.related?.(session, object)) ?? {},
  });
  return text.toString();
}

async function listed(
  { calls }: Session,
  resource: Resource,
  call: ListCall,
): Promise<readonly KubeObject[]> {
  return (await calls.list(resource, call)).items;
}

/** Oldest first. */
async function eventsOf(session: Session, object: KubeObject): Promise<readonly Event[]> {
  const { name = "", namespace, uid } = object.metadata;
  const fields = [
    `involvedObject.name=${name}`,
    ...(namespace === undefined ? [] : [`involvedObject.namespace=${namespace}`]),
    ...(uid === undefined ? [] : [`involvedObject.uid=${uid}`]),
  ];
  const found = await listed(session, EVENTS, { namespace, fieldSelector: fields.join(",") });
  const events = found as readonly Event[]; // Of that resource.
  const time = (event: Event): string =>
    event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? "";
  return events.toSorted((a, b) => (time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0));
}

async function leaseOf({ calls }: Session, name: string): Promise<Lease | undefined> {
  try {
    const key = { namespace: "kube-node-lease", name };
    return (await calls.get(LEASES, key)) as Lease; // Of that resource.
  } catch (error) {
    // A node that never came has none: the fields stay unset.
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}
