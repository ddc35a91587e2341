/** A node as `describe` shows it: what it is, what it has, and what its pods ask of it. Pure. */
import {
  ageOf,
  type Container,
  milliOf,
  type Node,
  type Pod,
  unitsOf,
} from "@sagong/orchestrator/api";
import type { Describer, RelatedObjects } from "./describer.js";
import { type DescribeText, orNone, sortedEntries, timeText } from "./describe-text.js";

const ROLE = "node-role.kubernetes.io/";

export const describeNode: Describer<Node> = (text, node, context) => {
  const { metadata, spec } = node;
  text.field(0, "Name", metadata.name);
  const roles = Object.keys(metadata.labels ?? {})
    .filter((label) => label.startsWith(ROLE))
    .map((label) => label.slice(ROLE.length));
  text.field(0, "Roles", orNone(roles.toSorted().join(",")));
  text.labels(0, "Labels", metadata.labels);
  text.annotations(0, metadata.annotations);
  text.field(0, "CreationTimestamp", timeText(metadata.creationTimestamp));
  const taints = (spec?.taints ?? []).map(({ key, value = "", effect }) =>
    value === "" ? `${key}:${effect}` : `${key}=${value}:${effect}`,
  );
  text.field(0, "Taints", orNone(taints[0]));
  for (const taint of taints.slice(1)) text.line(0, `\t${taint}`);
  text.field(0, "Unschedulable", spec?.unschedulable ?? false);
  describeLease(text, context.related);
  describeStatus(text, node);
  if (spec?.podCIDR) text.field(0, "PodCIDR", spec.podCIDR);
  if (spec?.podCIDRs) text.field(0, "PodCIDRs", spec.podCIDRs.join(","));
  if (spec?.providerID) text.field(0, "ProviderID", spec.providerID);
  describePods(text, node, { pods: context.related.pods ?? [], nowMs: context.nowMs });
  text.events(context.events, context.nowMs);
};

function describeLease(text: DescribeText, { lease }: RelatedObjects): void {
  text.line(0, "Lease:");
  text.field(1, "HolderIdentity", lease?.spec?.holderIdentity ?? "<unset>");
  text.field(1, "AcquireTime", timeText(lease?.spec?.acquireTime));
  text.field(1, "RenewTime", timeText(lease?.spec?.renewTime));
}

function describeStatus(text: DescribeText, { status }: Node): void {
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    text.line(
      0,
      "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage",
    );
    text.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for (const one of conditions) {
      const times = `${timeText(one.lastHeartbeatTime)} \t${timeText(one.lastTransitionTime)} `;
      text.line(
        1,
        `${one.type} \t${one.status} \t${times}\t${one.reason ?? ""} \t${one.message ?? ""}`,
      );
    }
  }
  text.line(0, "Addresses:");
  for (const { type, address } of status?.addresses ?? []) text.field(1, type, address);
  for (const [label, amounts] of [
    ["Capacity", status?.capacity],
    ["Allocatable", status?.allocatable],
  ] as const) {
    text.line(0, `${label}:`);
    for (const [name, amount] of sortedEntries(amounts)) text.field(1, name, amount);
  }
  const info = status?.nodeInfo;
  text.line(0, "System Info:");
  for (const [label, value] of [
    ["Machine ID", info?.machineID],
    ["System UUID", info?.systemUUID],
    ["Boot ID", info?.bootID],
    ["Kernel Version", info?.kernelVersion],
    ["OS Image", info?.osImage],
    ["Operating System", info?.operatingSystem],
    ["Architecture", info?.architecture],
    ["Container Runtime Version", info?.containerRuntimeVersion],
    ["Kubelet Version", info?.kubeletVersion],
    ["Kube-Proxy Version", info?.kubeProxyVersion],
  ] as const) {
    text.field(1, label, value ?? "");
  }
}

interface Amounts {
  readonly cpuMilli: number;
  readonly memory: number;
  readonly storage: number;
}

interface Resources {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

function describePods(
  text: DescribeText,
  { status, metadata }: Node,
  { pods, nowMs }: { readonly pods: readonly Pod[]; readonly nowMs: number },
): void {
  const live = pods.filter(
    ({ spec, status: state }) =>
      spec?.nodeName === metadata.name && !["Succeeded", "Failed"].includes(state?.phase ?? ""),
  );
  const all = amountsOf(status?.allocatable ?? status?.capacity);
  text.line(0, `Non-terminated Pods:\t(${live.length} in total)`);
  // The empty column behind the name is kubectl's.
  text.line(1, HEADERS.join("\t"));
  text.line(1, HEADERS.map((header) => "-".repeat(header.length)).join("\t"));
  for (const pod of live) {
    const { requests, limits } = resourcesOf(pod);
    const cells = [
      pod.metadata.namespace,
      pod.metadata.name,
      "",
      cpuCell(requests, all),
      cpuCell(limits, all),
      memoryCell(requests, all),
      memoryCell(limits, all),
      ageOf(pod.metadata.creationTimestamp, nowMs),
    ];
    text.line(1, cells.join("\t"));
  }
  const sum = live.map(resourcesOf).reduce(addResources, NOTHING);
  text.line(
    0,
    "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)",
  );
  text.line(1, "Resource\tRequests\tLimits");
  text.line(1, "--------\t--------\t------");
  text.line(1, `cpu\t${cpuCell(sum.requests, all)}\t${cpuCell(sum.limits, all)}`);
  text.line(1, `memory\t${memoryCell(sum.requests, all)}\t${memoryCell(sum.limits, all)}`);
  const storage = (part: Amounts): string =>
    cell(bytesText(part.storage), part.storage, all.storage);
  text.line(1, `ephemeral-storage\t${storage(sum.requests)}\t${storage(sum.limits)}`);
}

const HEADERS = [
  "Namespace",
  "Name",
  "",
  "CPU Requests",
  "CPU Limits",
  "Memory Requests",
  "Memory Limits",
  "Age",
];

const ZERO: Amounts = { cpuMilli: 0, memory: 0, storage: 0 };
const NOTHING: Resources = { requests: ZERO, limits: ZERO };

function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  return {
    cpuMilli: milliOf(list?.["cpu"]),
    memory: unitsOf(list?.["memory"]),
    storage: unitsOf(list?.["ephemeral-storage"]),
  };
}

/** Containers run side by side, init containers before them and one by one: the larger counts. */
function resourcesOf({ spec }: Pod): Resources {
  const of = ({ resources }: Container): Resources => ({
    requests: amountsOf(resources?.requests),
    limits: amountsOf(resources?.limits),
  });
  const running = (spec?.containers ?? []).map(of).reduce(addResources, NOTHING);
  return (spec?.initContainers ?? []).map(of).reduce(
    (largest, one) => ({
      requests: combine(largest.requests, one.requests, Math.max),
      limits: combine(largest.limits, one.limits, Math.max),
    }),
    running,
  );
}

function addResources(a: Resources, b: Resources): Resources {
  const add = (left: number, right: number): number => left + right;
  return {
    requests: combine(a.requests, b.requests, add),
    limits: combine(a.limits, b.limits, add),
  };
}

function combine(a: Amounts, b: Amounts, how: (left: number, right: number) => number): Amounts {
  return {
    cpuMilli: how(a.cpuMilli, b.cpuMilli),
    memory: how(a.memory, b.memory),
    storage: how(a.storage, b.storage),
  };
}

function cpuCell({ cpuMilli }: Amounts, all: Amounts): string {
  const text = cpuMilli % 1_000 === 0 ? String(cpuMilli / 1_000) : `${cpuMilli}m`;
  return cell(text, cpuMilli, all.cpuMilli);
}

function memoryCell({ memory }: Amounts, all: Amounts): string {
  return cell(bytesText(memory), memory, all.memory);
}

function cell(text: string, part: number, whole: number): string {
  return `${text} (${whole === 0 ? 0 : Math.trunc((part * 100) / whole)}%)`;
}

/** In the largest binary unit that leaves a whole number. */
function bytesText(bytes: number): string {
  let value = bytes;
  let unit = "";
  for (const next of ["Ki", "Mi", "Gi", "Ti"]) {
    if (value === 0 || value % 1_024 !== 0) break;
    value /= 1_024;
    unit = next;
  }
  return `${value}${unit}`;
}
