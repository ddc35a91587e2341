/** Services (k8s.io/kubernetes pkg/apis/core/validation, and the ranges of the allocators). */
import type { Service, ServicePort } from "../gen/core-v1.js";
import { dnsLabelFault, dnsSubdomainFault } from "../meta/names.js";
import {
  FIRST_NODE_PORT,
  isServiceIp,
  LAST_NODE_PORT,
  SERVICE_IP_RANGE,
} from "../service-ranges.js";
import type { Faults } from "./faults.js";
import { validateLabels } from "./validate-meta.js";
import { validatePort } from "./validate-pod-spec.js";

const SERVICE_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const AFFINITIES = ["ClientIP", "None"];

type ServiceSpec = NonNullable<Service["spec"]>;

export function validateService(service: Service, faults: Faults): void {
  const { spec } = service;
  if (!spec) return faults.required("spec");
  if (spec.type !== undefined && !SERVICE_TYPES.includes(spec.type)) {
    faults.notSupported("spec.type", spec.type, SERVICE_TYPES);
  }
  if (spec.type === "ExternalName") validateExternalName(spec, faults);
  else validateClusterIp(spec, faults);
  if (spec.sessionAffinity !== undefined && !AFFINITIES.includes(spec.sessionAffinity)) {
    faults.notSupported("spec.sessionAffinity", spec.sessionAffinity, AFFINITIES);
  }
  validatePorts(spec, faults);
  validateLabels(spec.selector, "spec.selector", faults);
}

export function validateServiceUpdate(now: Service, before: Service, faults: Faults): void {
  const [ip, old] = [now.spec?.clusterIP, before.spec?.clusterIP];
  if (
    old &&
    ip !== old &&
    now.spec?.type !== "ExternalName" &&
    before.spec?.type !== "ExternalName"
  ) {
    faults.invalid("spec.clusterIPs[0]", ip ?? "", "may not change once set");
  }
}

function validateExternalName({ externalName, clusterIP }: ServiceSpec, faults: Faults): void {
  if (clusterIP === "None")
    faults.forbidden("spec.clusterIPs[0]", "may not be set to 'None' for ExternalName services");
  if (!externalName) return faults.required("spec.externalName");
  const fault = dnsSubdomainFault(externalName.replace(/\.$/, ""));
  if (fault !== undefined) faults.invalid("spec.externalName", externalName, fault);
}

const IP = /^(\d{1,3}\.){3}\d{1,3}$/;

function validateClusterIp({ clusterIP = "" }: ServiceSpec, faults: Faults): void {
  if (clusterIP === "" || clusterIP === "None" || isServiceIp(clusterIP)) return;
  if (!IP.test(clusterIP)) {
    const why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    faults.invalid("spec.clusterIPs[0]", clusterIP, why);
    return;
  }
  const why = `the provided IP (${clusterIP}) is not in the valid range. The range of valid IPs is ${SERVICE_IP_RANGE}`;
  faults.invalid("spec.clusterIPs", [clusterIP], `failed to allocate IP ${clusterIP}: ${why}`);
}

function validatePorts(spec: ServiceSpec, faults: Faults): void {
  const { ports = [], type = "ClusterIP" } = spec;
  const needsNone = spec.clusterIP === "None" || type === "ExternalName";
  if (ports.length === 0 && !needsNone) faults.required("spec.ports");
  const names = new Set<string>();
  const taken = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const at = `spec.ports[${i}]`;
    validateOne(port, at, faults);
    if (ports.length > 1 && !port.name) faults.required(`${at}.name`);
    if (port.name && names.has(port.name)) faults.duplicate(`${at}.name`, port.name);
    if (port.name) names.add(port.name);
    validateNodePort(port, { at, type, faults });
    const { protocol = "TCP" } = port;
    const key = `${protocol}/${port.port}`;
    if (taken.has(key)) faults.duplicate(at, { protocol, port: port.port });
    taken.add(key);
  }
}

function validateOne(port: ServicePort, at: string, faults: Faults): void {
  if (port.name) {
    const fault = dnsLabelFault(port.name);
    if (fault !== undefined) faults.invalid(`${at}.name`, port.name, fault);
  }
  validatePort(port.port, `${at}.port`, faults);
  if (port.protocol !== undefined && !PROTOCOLS.includes(port.protocol))
    faults.notSupported(`${at}.protocol`, port.protocol, PROTOCOLS);
  if (typeof port.targetPort === "number")
    validatePort(port.targetPort, `${at}.targetPort`, faults);
}

function validateNodePort(
  { nodePort }: ServicePort,
  { at, type, faults }: { readonly at: string; readonly type: string; readonly faults: Faults },
): void {
  if (!nodePort) return;
  if (type !== "NodePort" && type !== "LoadBalancer") {
    faults.forbidden(`${at}.nodePort`, `may not be used when \`type\` is '${type}'`);
  } else if (nodePort < FIRST_NODE_PORT || nodePort > LAST_NODE_PORT) {
    const range = `${FIRST_NODE_PORT}-${LAST_NODE_PORT}`;
    const why = `provided port is not in the valid range. The range of valid ports is ${range}`;
    faults.invalid(`${at}.nodePort`, nodePort, why);
  }
}
