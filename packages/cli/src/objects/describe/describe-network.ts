/** Services, endpoints and endpoint slices as `describe` shows them. Pure. */
import type { Endpoints, EndpointSlice, Service } from "@sagong/orchestrator/api";
import type { Describer } from "./describer.js";
import { type DescribeText, orNone } from "./describe-text.js";
import { labelsText } from "./pod-spec.js";

export const describeService: Describer<Service> = (text, service, context) => {
  const { spec, status } = service;
  text.identity(service);
  text.field(0, "Selector", labelsText(spec?.selector));
  text.field(0, "Type", spec?.type ?? "");
  if (spec?.ipFamilyPolicy) text.field(0, "IP Family Policy", spec.ipFamilyPolicy);
  if (spec?.ipFamilies) text.field(0, "IP Families", orNone(spec.ipFamilies.join(",")));
  text.field(0, "IP", spec?.clusterIP ?? "");
  text.field(0, "IPs", orNone(spec?.clusterIPs?.join(",")));
  if (spec?.externalIPs?.length) text.field(0, "External IPs", spec.externalIPs.join(","));
  if (spec?.loadBalancerIP) text.field(0, "IP", spec.loadBalancerIP);
  if (spec?.externalName) text.field(0, "External Name", spec.externalName);
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0) {
    const places = ingress.map(({ ip, hostname }) => ip ?? hostname ?? "");
    text.field(0, "LoadBalancer Ingress", places.join(", "));
  }
  for (const port of spec?.ports ?? []) {
    const name = port.name ?? "<unset>";
    const protocol = port.protocol ?? "TCP";
    text.field(0, "Port", `${name}\t${port.port}/${protocol}`);
    if (port.targetPort !== undefined)
      text.field(0, "TargetPort", `${port.targetPort}/${protocol}`);
    if (port.nodePort) text.field(0, "NodePort", `${name}\t${port.nodePort}/${protocol}`);
    const slices = context.related.endpointSlices ?? [];
    text.field(0, "Endpoints", endpointsText(slices, port.name ?? ""));
  }
  text.field(0, "Session Affinity", spec?.sessionAffinity ?? "");
  if (spec?.externalTrafficPolicy) {
    text.field(0, "External Traffic Policy", spec.externalTrafficPolicy);
  }
  if (spec?.internalTrafficPolicy) {
    text.field(0, "Internal Traffic Policy", spec.internalTrafficPolicy);
  }
  text.events(context.events, context.nowMs);
};

/** More addresses than these are only counted. */
const MAX_SHOWN = 3;

function endpointsText(slices: readonly EndpointSlice[], portName: string): string {
  if (slices.length === 0) return "<none>";
  const addresses = slices.flatMap((slice) =>
    (slice.ports ?? [])
      .filter(({ name = "" }) => name === portName)
      .flatMap(({ port }) =>
        (slice.endpoints ?? [])
          .filter(({ conditions }) => conditions?.ready !== false)
          .flatMap((endpoint) =>
            endpoint.addresses.map((address) =>
              slice.addressType === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`,
            ),
          ),
      ),
  );
  const more = addresses.length - MAX_SHOWN;
  const shown = addresses.slice(0, MAX_SHOWN).join(",");
  return more > 0 ? `${shown} + ${more} more...` : shown;
}

export const describeEndpoints: Describer<Endpoints> = (text, endpoints, context) => {
  text.identity(endpoints);
  text.line(0, "Subsets:");
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of endpoints.subsets ?? []) {
    const list = (of: readonly { readonly ip: string }[]): string =>
      orNone(of.map(({ ip }) => ip).join(","));
    text.field(1, "Addresses", list(addresses));
    text.field(1, "NotReadyAddresses", list(notReadyAddresses));
    describePorts(text, { ports, level: 1 });
    text.line(0, "");
  }
  text.events(context.events, context.nowMs);
};

export const describeEndpointSlice: Describer<EndpointSlice> = (text, slice, context) => {
  text.identity(slice);
  text.field(0, "AddressType", slice.addressType);
  if (slice.ports && slice.ports.length > 0) {
    describePorts(text, { ports: slice.ports, level: 0 });
  } else text.field(0, "Ports", "<unset>");
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length === 0) text.line(0, "Endpoints: <none>");
  else text.line(0, "Endpoints:");
  for (const { addresses, conditions, hostname, targetRef, nodeName, zone } of endpoints) {
    text.line(1, `- Addresses:\t${orNone(addresses.join(","))}`);
    text.line(2, "Conditions:");
    text.field(3, "Ready", conditions?.ready ?? "<unset>");
    text.field(2, "Hostname", hostname ?? "<unset>");
    if (targetRef) text.field(2, "TargetRef", `${targetRef.kind ?? ""}/${targetRef.name ?? ""}`);
    text.field(2, "NodeName", nodeName ?? "<unset>");
    text.field(2, "Zone", zone ?? "<unset>");
  }
  text.events(context.events, context.nowMs);
};

interface NamedPort {
  readonly name?: string | undefined;
  readonly port?: number | undefined;
  readonly protocol?: string | undefined;
}

function describePorts(
  text: DescribeText,
  { ports, level }: { readonly ports: readonly NamedPort[]; readonly level: 0 | 1 },
): void {
  text.line(level, "Ports:");
  text.line(level + 1, "Name\tPort\tProtocol");
  text.line(level + 1, "----\t----\t--------");
  for (const { name, port, protocol = "TCP" } of ports) {
    text.line(level + 1, `${name || "<unset>"}\t${port ?? "<unset>"}\t${protocol}`);
  }
}
