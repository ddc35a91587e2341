/** Pod specs, in pods and in templates (k8s.io/kubernetes pkg/apis/core/validation). */
import type { Container, PodSpec, Probe } from "../gen/core-v1.js";
import { dnsLabelFault, dnsSubdomainFault } from "../meta/names.js";
import { parseQuantity, QUANTITY_ERROR } from "../meta/quantity.js";
import type { Faults } from "./faults.js";
import { validateEnv } from "./validate-env.js";
import { validateTolerations } from "./validate-tolerations.js";

const RESTART_POLICIES = ["Always", "OnFailure", "Never"];
const PROTOCOLS = ["TCP", "UDP", "SCTP"];
const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];

export function validatePodSpec(spec: PodSpec | undefined, field: string, faults: Faults): void {
  if (!spec) return faults.required(field);
  const { initContainers = [], volumes = [] } = spec;
  // Objects that are validated may lack what their type requires.
  const containers = spec.containers ?? [];
  if (containers.length === 0) faults.required(`${field}.containers`);
  if (spec.restartPolicy !== undefined && !RESTART_POLICIES.includes(spec.restartPolicy)) {
    faults.notSupported(`${field}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES);
  }
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    faults.invalid(
      `${field}.terminationGracePeriodSeconds`,
      spec.terminationGracePeriodSeconds,
      "must be greater than or equal to 0",
    );
  }
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) {
    faults.invalid(
      `${field}.activeDeadlineSeconds`,
      spec.activeDeadlineSeconds,
      "must be between 1 and 2147483647, inclusive",
    );
  }
  if (spec.nodeName) {
    const fault = dnsSubdomainFault(spec.nodeName);
    if (fault !== undefined) faults.invalid(`${field}.nodeName`, spec.nodeName, fault);
  }
  validateTolerations(spec.tolerations ?? [], `${field}.tolerations`, faults);
  const volumeNames = new Set<string>();
  for (const [i, volume] of volumes.entries()) {
    const at = `${field}.volumes[${i}]`;
    if (!volume.name) faults.required(`${at}.name`);
    else if (dnsLabelFault(volume.name) !== undefined) {
      faults.invalid(`${at}.name`, volume.name, dnsLabelFault(volume.name) ?? "");
    }
    if (volumeNames.has(volume.name)) faults.duplicate(`${at}.name`, volume.name);
    volumeNames.add(volume.name);
    const sources = Object.keys(volume).filter((key) => key !== "name");
    if (sources.length > 1)
      faults.forbidden(`${at}.${sources[1]}`, "may not specify more than 1 volume type");
  }
  const names = new Set<string>();
  for (const [list, label] of [
    [initContainers, "initContainers"],
    [containers, "containers"],
  ] as const) {
    for (const [i, container] of list.entries()) {
      const at = `${field}.${label}[${i}]`;
      if (container.name && names.has(container.name))
        faults.duplicate(`${at}.name`, container.name);
      names.add(container.name);
      validateContainer(container, at, { faults, volumeNames });
      if (spec.hostNetwork) validateHostPorts(container, at, faults);
    }
  }
}

/** On the host's network a port is the host's own. */
function validateHostPorts({ ports = [] }: Container, at: string, faults: Faults): void {
  for (const [i, { containerPort, hostPort }] of ports.entries()) {
    if (hostPort === undefined || hostPort === containerPort) continue;
    const why = "must match `hostPort` when `hostNetwork` is true";
    faults.invalid(`${at}.ports[${i}].containerPort`, containerPort, why);
  }
}

interface ContainerContext {
  readonly faults: Faults;
  readonly volumeNames: ReadonlySet<string>;
}

function validateContainer(
  container: Container,
  at: string,
  { faults, volumeNames }: ContainerContext,
): void {
  if (!container.name) faults.required(`${at}.name`);
  else {
    const fault = dnsLabelFault(container.name);
    if (fault !== undefined) faults.invalid(`${at}.name`, container.name, fault);
  }
  if (!container.image) faults.required(`${at}.image`);
  if (
    container.imagePullPolicy !== undefined &&
    !PULL_POLICIES.includes(container.imagePullPolicy)
  ) {
    faults.notSupported(`${at}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES);
  }
  const portNames = new Set<string>();
  for (const [i, port] of (container.ports ?? []).entries()) {
    validatePort(port.containerPort, `${at}.ports[${i}].containerPort`, faults);
    if (port.protocol !== undefined && !PROTOCOLS.includes(port.protocol)) {
      faults.notSupported(`${at}.ports[${i}].protocol`, port.protocol, PROTOCOLS);
    }
    if (port.name !== undefined && portNames.has(port.name))
      faults.duplicate(`${at}.ports[${i}].name`, port.name);
    if (port.name !== undefined) portNames.add(port.name);
  }
  validateEnv(container.env ?? [], `${at}.env`, faults);
  const mountPaths = new Set<string>();
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    if (!mount.name) faults.required(`${at}.volumeMounts[${i}].name`);
    else if (!volumeNames.has(mount.name))
      faults.notFound(`${at}.volumeMounts[${i}].name`, mount.name);
    if (!mount.mountPath) faults.required(`${at}.volumeMounts[${i}].mountPath`);
    else if (mountPaths.has(mount.mountPath))
      faults.invalid(`${at}.volumeMounts[${i}].mountPath`, mount.mountPath, "must be unique");
    mountPaths.add(mount.mountPath);
  }
  validateResources(container, `${at}.resources`, faults);
  for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[kind];
    if (probe) validateProbe(probe, `${at}.${kind}`, faults);
  }
}

function validateResources({ resources }: Container, at: string, faults: Faults): void {
  for (const list of ["limits", "requests"] as const) {
    for (const [name, value] of Object.entries(resources?.[list] ?? {})) {
      const parsed = parseQuantity(value);
      if (parsed === undefined) faults.invalid(`${at}.${list}.${name}`, value, QUANTITY_ERROR);
      else if (parsed < 0n)
        faults.invalid(`${at}.${list}[${name}]`, value, "must be greater than or equal to 0");
    }
  }
  for (const [name, request] of Object.entries(resources?.requests ?? {})) {
    const limit = resources?.limits?.[name];
    const [asked, most] = [
      parseQuantity(request),
      limit === undefined ? undefined : parseQuantity(limit),
    ];
    if (asked !== undefined && most !== undefined && asked > most) {
      faults.invalid(
        `${at}.requests`,
        request,
        `must be less than or equal to ${name} limit of ${limit}`,
      );
    }
  }
}

function validateProbe(probe: Probe, at: string, faults: Faults): void {
  const handlers = ["exec", "httpGet", "tcpSocket", "grpc"].filter((key) => key in probe);
  if (handlers.length === 0) faults.required(at, "must specify a handler type");
  if (handlers.length > 1)
    faults.forbidden(`${at}.${handlers[1]}`, "may not specify more than 1 handler type");
  if (probe.exec && (probe.exec.command ?? []).length === 0) faults.required(`${at}.exec.command`);
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    const value = probe[field];
    if (value !== undefined && value < 0)
      faults.invalid(`${at}.${field}`, value, "must be greater than or equal to 0");
  }
  const port = probe.httpGet?.port ?? probe.tcpSocket?.port;
  if (typeof port === "number")
    validatePort(port, `${at}.${probe.httpGet ? "httpGet" : "tcpSocket"}.port`, faults);
}

export function validatePort(port: number | undefined, at: string, faults: Faults): void {
  if (port === undefined) return faults.required(at);
  if (port < 1 || port > 65535) faults.invalid(at, port, "must be between 1 and 65535, inclusive");
}
