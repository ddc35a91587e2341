/** A pod as `describe` shows it. Pure. */
import type { Pod } from "@sagong/orchestrator/api";
import { humanDuration } from "@sagong/orchestrator/api";
import { describeContainers } from "./containers.js";
import type { Describer } from "./describer.js";
import { type DescribeText, orNone, timeText } from "./describe-text.js";
import { describeTolerations, describeVolumes } from "./pod-spec.js";

export const describePod: Describer<Pod> = (text, pod, { events, nowMs }) => {
  const { metadata, spec, status } = pod;
  describePlace(text, pod);
  text.labels(0, "Labels", metadata.labels);
  text.annotations(0, metadata.annotations);
  describePhase(text, pod, nowMs);
  describeAddresses(text, pod);
  const controller = (metadata.ownerReferences ?? []).find((owner) => owner.controller);
  if (controller) text.field(0, "Controlled By", `${controller.kind}/${controller.name}`);
  if (status?.nominatedNodeName) text.field(0, "NominatedNodeName", status.nominatedNodeName);
  const { initContainers = [], containers = [] } = spec ?? {};
  if (initContainers.length > 0) {
    const statuses = status?.initContainerStatuses;
    const label = "Init Containers";
    describeContainers(text, { label, containers: initContainers, statuses, level: 0, metadata });
  }
  const statuses = status?.containerStatuses;
  describeContainers(text, { label: "Containers", containers, statuses, level: 0, metadata });
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    text.line(0, "Conditions:\n  Type\tStatus");
    for (const condition of conditions) text.line(1, `${condition.type} \t${condition.status} `);
  }
  describeVolumes(text, spec?.volumes, 0);
  if (status?.qosClass) text.field(0, "QoS Class", status.qosClass);
  text.labels(0, "Node-Selectors", spec?.nodeSelector);
  describeTolerations(text, spec?.tolerations, 0);
  text.events(events, nowMs);
};

function describePlace(text: DescribeText, { metadata, spec, status }: Pod): void {
  text.field(0, "Name", metadata.name);
  text.field(0, "Namespace", metadata.namespace);
  if (spec?.priority !== undefined) text.field(0, "Priority", spec.priority);
  if (spec?.priorityClassName) text.field(0, "Priority Class Name", spec.priorityClassName);
  if (spec?.runtimeClassName) text.field(0, "Runtime Class Name", spec.runtimeClassName);
  if (spec?.serviceAccountName) text.field(0, "Service Account", spec.serviceAccountName);
  const node = spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ""}` : undefined;
  text.field(0, "Node", orNone(node));
  if (status?.startTime) text.field(0, "Start Time", timeText(status.startTime));
}

function describePhase(text: DescribeText, { metadata, status }: Pod, nowMs: number): void {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata;
  if (deletionTimestamp === undefined) text.field(0, "Status", status?.phase ?? "");
  else {
    const lasts = humanDuration(nowMs - Date.parse(deletionTimestamp));
    text.field(0, "Status", `Terminating (lasts ${lasts})`);
    text.field(0, "Termination Grace Period", `${deletionGracePeriodSeconds}s`);
  }
  if (status?.reason) text.field(0, "Reason", status.reason);
  if (status?.message) text.field(0, "Message", status.message);
}

function describeAddresses(text: DescribeText, { status }: Pod): void {
  text.field(0, "IP", status?.podIP ?? "");
  const addresses = status?.podIPs ?? [];
  if (addresses.length === 0) return text.field(0, "IPs", "<none>");
  text.line(0, "IPs:");
  for (const { ip } of addresses) text.field(1, "IP", ip);
}
