/** The columns of every resource as `kubectl get` shows them; priority 1 only with `-o wide`. */
import type { Deployment, ReplicaSet } from "../gen/apps-v1.js";
import type { Lease } from "../gen/coordination-v1.js";
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  Pod,
  Secret,
  Service,
  ServiceAccount,
} from "../gen/core-v1.js";
import type { EndpointSlice } from "../gen/discovery-v1.js";
import type { Event as EventsV1 } from "../gen/events-v1.js";
import { coreEventOf } from "../events/convert-event.js";
import type { KubeObject } from "../resource.js";
import { selectorText } from "../selectors/label-selector.js";
import { ageOf } from "./duration.js";
import { podCells } from "./pod-row.js";

export interface Column {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly priority: 0 | 1;
}

export interface TableLayout {
  readonly columns: readonly Column[];
  readonly cells: (object: KubeObject, nowMs: number) => readonly (string | number)[];
}

/** Names with a `+` before them are for wide output. */
function layout<T extends KubeObject>(
  names: readonly string[],
  cells: (object: T, nowMs: number) => readonly (string | number)[],
): TableLayout {
  return {
    columns: names.map((name) => ({
      name: name.replace("+", ""),
      type: "string",
      priority: name.startsWith("+") ? 1 : 0,
    })),
    cells: cells as TableLayout["cells"], // Looked up by the object's own resource.
  };
}

const age = (object: KubeObject, nowMs: number): string =>
  ageOf(object.metadata.creationTimestamp, nowMs);
const name = (object: KubeObject): string => object.metadata.name ?? "";
const list = (values: readonly string[]): string =>
  values.length === 0 ? "<none>" : values.join(",");

const EVENT_COLUMNS = [
  "Last Seen",
  "Type",
  "Reason",
  "Object",
  "+Subobject",
  "+Source",
  "Message",
  "+First Seen",
  "+Count",
  "+Name",
];

const LAYOUTS: Readonly<Record<string, TableLayout>> = {
  pods: layout<Pod>(
    [
      "Name",
      "Ready",
      "Status",
      "Restarts",
      "Age",
      "+IP",
      "+Node",
      "+Nominated Node",
      "+Readiness Gates",
    ],
    podCells,
  ),
  "deployments.apps": layout<Deployment>(
    ["Name", "Ready", "Up-to-date", "Available", "Age", "+Containers", "+Images", "+Selector"],
    (object, now) => [
      name(object),
      `${object.status?.readyReplicas ?? 0}/${object.spec?.replicas ?? 0}`,
      object.status?.updatedReplicas ?? 0,
      object.status?.availableReplicas ?? 0,
      age(object, now),
      ...templateCells(object.spec?.template.spec?.containers, object.spec?.selector),
    ],
  ),
  "replicasets.apps": layout<ReplicaSet>(
    ["Name", "Desired", "Current", "Ready", "Age", "+Containers", "+Images", "+Selector"],
    (object, now) => [
      name(object),
      object.spec?.replicas ?? 0,
      object.status?.replicas ?? 0,
      object.status?.readyReplicas ?? 0,
      age(object, now),
      ...templateCells(object.spec?.template?.spec?.containers, object.spec?.selector),
    ],
  ),
  services: layout<Service>(
    ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"],
    (object, now) => [
      name(object),
      object.spec?.type ?? "",
      object.spec?.clusterIP ?? "<none>",
      externalAddress(object),
      list(
        (object.spec?.ports ?? []).map(
          ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ""}/${protocol}`,
        ),
      ),
      age(object, now),
      list(Object.entries(object.spec?.selector ?? {}).map(([key, value]) => `${key}=${value}`)),
    ],
  ),
  endpoints: layout<Endpoints>(["Name", "Endpoints", "Age"], (object, now) => [
    name(object),
    firstOf(
      (object.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
        ports.length === 0
          ? addresses.map(({ ip }) => ip)
          : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip}:${port}`)),
      ),
      "<none>",
    ),
    age(object, now),
  ]),
  "endpointslices.discovery.k8s.io": layout<EndpointSlice>(
    ["Name", "AddressType", "Ports", "Endpoints", "Age"],
    (object, now) => [
      name(object),
      object.addressType,
      firstOf(
        (object.ports ?? []).map(({ port }) => String(port ?? "*")),
        "<unset>",
      ),
      firstOf(
        (object.endpoints ?? []).flatMap(({ addresses }) => addresses),
        "<unset>",
      ),
      age(object, now),
    ],
  ),
  nodes: layout<Node>(
    [
      "Name",
      "Status",
      "Roles",
      "Age",
      "Version",
      "+Internal-IP",
      "+External-IP",
      "+OS-Image",
      "+Kernel-Version",
      "+Container-Runtime",
    ],
    nodeCells,
  ),
  namespaces: layout<Namespace>(["Name", "Status", "Age"], (object, now) => [
    name(object),
    object.status?.phase ?? "",
    age(object, now),
  ]),
  configmaps: layout<ConfigMap>(["Name", "Data", "Age"], (object, now) => [
    name(object),
    Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length,
    age(object, now),
  ]),
  secrets: layout<Secret>(["Name", "Type", "Data", "Age"], (object, now) => [
    name(object),
    object.type ?? "",
    Object.keys(object.data ?? {}).length,
    age(object, now),
  ]),
  serviceaccounts: layout<ServiceAccount>(["Name", "Secrets", "Age"], (object, now) => [
    name(object),
    object.secrets?.length ?? 0,
    age(object, now),
  ]),
  events: layout<Event>(EVENT_COLUMNS, eventCells),
  "events.events.k8s.io": layout<EventsV1>(EVENT_COLUMNS, (object, now) =>
    eventCells(coreEventOf(object), now),
  ),
  "leases.coordination.k8s.io": layout<Lease>(["Name", "Holder", "Age"], (object, now) => [
    name(object),
    object.spec?.holderIdentity ?? "",
    age(object, now),
  ]),
};

const DEFAULT: TableLayout = layout(["Name", "Created At"], (object) => [
  name(object),
  object.metadata.creationTimestamp ?? "",
]);

/** `resource` as `pods` or `deployments.apps`. */
export function tableLayout(resource: string): TableLayout {
  return LAYOUTS[resource] ?? DEFAULT;
}

export interface TableOptions {
  readonly resource: string;
  readonly nowMs: number;
  readonly includeObject: "None" | "Metadata" | "Object";
  readonly resourceVersion: string | undefined;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
  /** meta.k8s.io version that was asked for. */
  readonly version: string;
}

/** A meta.k8s.io Table of objects. */
export function tableOf(
  objects: readonly KubeObject[],
  options: TableOptions,
): Record<string, unknown> {
  const { columns, cells } = tableLayout(options.resource);
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: {
      ...(options.resourceVersion === undefined
        ? {}
        : { resourceVersion: options.resourceVersion }),
      ...(options.continue ? { continue: options.continue } : {}),
      ...(options.remainingItemCount === undefined
        ? {}
        : { remainingItemCount: options.remainingItemCount }),
    },
    columnDefinitions: columns.map((column) => ({
      name: column.name,
      type: column.type,
      format: column.name === "Name" ? "name" : "",
      description: "",
      priority: column.priority,
    })),
    rows: objects.map((object) => ({
      cells: cells(object, options.nowMs),
      ...(options.includeObject === "None"
        ? {}
        : {
            object:
              options.includeObject === "Object"
                ? object
                : partialMetadata(object, options.version),
          }),
    })),
  };
}

export function partialMetadata(object: KubeObject, version = "v1"): Record<string, unknown> {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object.metadata,
  };
}

/** Where a service is reached from outside, as printService says it. */
function externalAddress({ spec, status }: Service): string {
  const { externalIPs = [], externalName = "" } = spec ?? {};
  if (spec?.type === "ExternalName") return list([externalName].filter(Boolean));
  if (spec?.type !== "LoadBalancer") return list(externalIPs);
  const given = (status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname }) => ip ?? hostname ?? "",
  );
  const addresses = [...given.filter(Boolean), ...externalIPs];
  return addresses.length === 0 ? "<pending>" : addresses.join(",");
}

const MAX_SHOWN = 3;

/** The first three, and how many there are besides. */
function firstOf(items: readonly string[], none: string): string {
  if (items.length === 0) return none;
  const shown = items.slice(0, MAX_SHOWN).join(",");
  return items.length > MAX_SHOWN ? `${shown} + ${items.length - MAX_SHOWN} more...` : shown;
}

function templateCells(
  containers: readonly { readonly name: string; readonly image?: string | undefined }[] | undefined,
  selector: Parameters<typeof selectorText>[0] | undefined,
): string[] {
  return [
    list((containers ?? []).map((container) => container.name)),
    list((containers ?? []).map((container) => container.image ?? "")),
    selector ? selectorText(selector) : "<none>",
  ];
}

function eventCells(event: Event, nowMs: number): (string | number)[] {
  const { involvedObject, source, series } = event;
  const lastSeen =
    series?.lastObservedTime ??
    event.lastTimestamp ??
    event.eventTime ??
    event.metadata.creationTimestamp;
  return [
    ageOf(lastSeen, nowMs),
    event.type ?? "",
    event.reason ?? "",
    `${(involvedObject.kind ?? "").toLowerCase()}/${involvedObject.name ?? ""}`,
    involvedObject.fieldPath ?? "",
    [source?.component ?? event.reportingComponent, source?.host].filter(Boolean).join(", "),
    (event.message ?? "").trim(),
    ageOf(event.firstTimestamp ?? event.eventTime, nowMs),
    series?.count ?? event.count ?? 1,
    event.metadata.name ?? "",
  ];
}

function nodeCells(node: Node, nowMs: number): (string | number)[] {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready")?.status;
  const states = [ready === "True" ? "Ready" : ready === undefined ? "Unknown" : "NotReady"];
  if (node.spec?.unschedulable) states.push("SchedulingDisabled");
  const roles = Object.keys(node.metadata.labels ?? {})
    .filter((label) => label.startsWith("node-role.kubernetes.io/"))
    .map((label) => label.slice("node-role.kubernetes.io/".length));
  const address = (kind: string): string =>
    node.status?.addresses?.find(({ type }) => type === kind)?.address ?? "<none>";
  const info = node.status?.nodeInfo;
  return [
    node.metadata.name ?? "",
    states.join(","),
    list(roles),
    ageOf(node.metadata.creationTimestamp, nowMs),
    info?.kubeletVersion ?? "",
    address("InternalIP"),
    address("ExternalIP"),
    info?.osImage ?? "<unknown>",
    info?.kernelVersion ?? "<unknown>",
    info?.containerRuntimeVersion ?? "<unknown>",
  ];
}
