/**
 * A service's addresses and node ports: which an update keeps, takes and gives back. One key for
 * each that is taken; creating the key is what takes it, so that two services never get the same.
 */
import { type Random, randomBelow } from "@sagong/base";
import { ApiError, invalid } from "../api/api-status.js";
import type { Service, ServicePort } from "../api/gen/core-v1.js";
import type { KubeObject } from "../api/resource.js";
import {
  FIRST_NODE_PORT,
  LAST_NODE_PORT,
  SERVICE_IPS,
  serviceIpAt,
} from "../api/service-ranges.js";
import { Faults } from "../api/validation/faults.js";
import type { Storage } from "../storage/storage.js";

export interface AllocationContext {
  readonly storage: Storage;
  readonly random: Random;
}

const IP_RANGE = "/ranges/serviceips/";
const PORT_RANGE = "/ranges/servicenodeports/";
const NODE_PORTS = LAST_NODE_PORT - FIRST_NODE_PORT + 1;
const MAX_TRIES = 200;

/**
 * Addresses stay where the update does not speak of them, and go with the type that had them (as
 * the service REST's patchAllocatedValues and dropTypeDependentFields).
 */
export function prepareServiceUpdate(now: Service, old: Service): Service {
  const { clusterIP, clusterIPs, ...given } = now.spec ?? {};
  const keepsIp = needsIp(now) || (clusterIP ?? "") !== (old.spec?.clusterIP ?? "");
  const spec = {
    ...(needsNodePorts(now) ? given : withoutTrafficPolicy(given, old)),
    ...(keepsIp
      ? {
          clusterIP: clusterIP ?? old.spec?.clusterIP,
          clusterIPs: clusterIPs ?? old.spec?.clusterIPs,
        }
      : {}),
    ports: now.spec?.ports?.map((port) => preparePort(port, now, old)),
  };
  return { ...now, spec, status: old.status };
}

type Spec = NonNullable<Service["spec"]>;

function withoutTrafficPolicy(given: Spec, old: Service): Spec {
  const { externalTrafficPolicy, ...rest } = given;
  return externalTrafficPolicy === old.spec?.externalTrafficPolicy ? rest : given;
}

function preparePort(port: ServicePort, now: Service, old: Service): ServicePort {
  const known = old.spec?.ports?.find((one) => one.port === port.port)?.nodePort;
  const { nodePort, ...rest } = port;
  if (needsNodePorts(now)) {
    const kept = nodePort ?? known;
    return kept === undefined ? rest : { ...rest, nodePort: kept };
  }
  return nodePort === known ? rest : port;
}

/** The service with all that it needs; what `before` holds it holds on to. */
export async function allocateService(
  service: Service,
  context: AllocationContext,
  before?: Service,
): Promise<Service> {
  const spec = service.spec ?? {};
  if (!needsIp(service)) {
    const none = spec.clusterIP ? { clusterIPs: [spec.clusterIP] } : {};
    return { ...service, spec: { ...spec, ...none } };
  }
  const held = new Set(before ? keysOf(before) : []);
  const taken: Service[] = [];
  try {
    const clusterIP = await takeIp(service, context, held);
    taken.push({ ...service, spec: { clusterIP } });
    const withIp = { ...spec, clusterIP, clusterIPs: [clusterIP] };
    if (!needsNodePorts(service)) return { ...service, spec: withIp };
    const ports: ServicePort[] = [];
    for (const [i, port] of (spec.ports ?? []).entries()) {
      const nodePort = await takePort(service, i, { context, held });
      ports.push({ ...port, nodePort });
      taken.push({ ...service, spec: { ports: [{ ...port, nodePort }] } });
    }
    return { ...service, spec: { ...withIp, ports } };
  } catch (error) {
    for (const part of taken) await releaseService(part, context, before);
    throw error;
  }
}

export async function releaseService(
  service: Service,
  { storage }: AllocationContext,
  kept?: Service,
): Promise<void> {
  const held = new Set(kept ? keysOf(kept) : []);
  for (const key of keysOf(service)) {
    if (held.has(key)) continue;
    const stored = await storage.get(key);
    if (stored) await storage.delete(key, stored.version);
  }
}

function needsIp({ spec }: Service): boolean {
  return spec?.type !== "ExternalName" && spec?.clusterIP !== "None";
}

function needsNodePorts({ spec }: Service): boolean {
  return spec?.type === "NodePort" || spec?.type === "LoadBalancer";
}

function keysOf({ spec }: Service): string[] {
  const { clusterIP, ports = [] } = spec ?? {};
  return [
    ...(clusterIP && clusterIP !== "None" ? [`${IP_RANGE}${clusterIP}`] : []),
    ...ports.flatMap(({ nodePort }) => (nodePort ? [`${PORT_RANGE}${nodePort}`] : [])),
  ];
}

async function takeIp(
  service: Service,
  context: AllocationContext,
  held: ReadonlySet<string>,
): Promise<string> {
  const wanted = service.spec?.clusterIP || undefined;
  const pick = (): string => serviceIpAt(1 + randomBelow(context.random, SERVICE_IPS));
  const ip = await take(context, {
    prefix: IP_RANGE,
    wanted,
    held,
    holder: holderOf(service),
    pick,
  });
  if (ip !== undefined) return ip;
  const why = `failed to allocate IP ${wanted}: provided IP is already allocated`;
  throw refusal(service, "spec.clusterIPs", [wanted], why);
}

async function takePort(
  service: Service,
  index: number,
  { context, held }: { readonly context: AllocationContext; readonly held: ReadonlySet<string> },
): Promise<number> {
  const asked = service.spec?.ports?.[index]?.nodePort;
  const wanted = asked ? String(asked) : undefined;
  const pick = (): string => String(FIRST_NODE_PORT + randomBelow(context.random, NODE_PORTS));
  const range = { prefix: PORT_RANGE, wanted, held, holder: holderOf(service), pick };
  const port = await take(context, range);
  if (port !== undefined) return Number(port);
  const why = "provided port is already allocated";
  throw refusal(service, `spec.ports[${index}].nodePort`, asked, why);
}

function refusal({ metadata }: Service, field: string, value: unknown, why: string): ApiError {
  const faults = new Faults();
  faults.invalid(field, value, why);
  return invalid({ group: "", kind: "Service" }, metadata.name ?? "", faults.causes);
}

function holderOf({ metadata }: Service): KubeObject {
  return { metadata: { name: `${metadata.namespace}/${metadata.name}` } };
}

interface Range {
  readonly prefix: string;
  readonly wanted: string | undefined;
  readonly held: ReadonlySet<string>;
  readonly holder: KubeObject;
  readonly pick: () => string;
}

/** Undefined where the wanted one is another's. */
async function take(
  { storage }: AllocationContext,
  { prefix, wanted, held, holder, pick }: Range,
): Promise<string | undefined> {
  if (wanted !== undefined) {
    if (held.has(`${prefix}${wanted}`)) return wanted;
    const taken = await storage.create(`${prefix}${wanted}`, holder);
    return taken === undefined ? undefined : wanted;
  }
  for (let i = 0; i < MAX_TRIES; i++) {
    const value = pick();
    if ((await storage.create(`${prefix}${value}`, holder)) !== undefined) return value;
  }
  throw new ApiError(
    "InternalError",
    `no free place was found under ${prefix} in ${MAX_TRIES} tries`,
  );
}
