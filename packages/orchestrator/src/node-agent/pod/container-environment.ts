/**
 * A container's environment from its spec: envFrom, then env in order, with `$(NAME)` expanded from
 * what stands before. Config maps and secrets come in as data, so this stays pure.
 */
import { compareText } from "@sagong/base";
import type { ConfigMap, Container, EnvVarSource, Pod, Secret } from "../../api/gen/core-v1.js";
import { parseQuantity } from "../../api/meta/quantity.js";
import { RuntimeError } from "../runtime/runtime.js";
import { expandVariables } from "./expand-variables.js";

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIp: string;
  readonly hostIp: string;
  /** What every container of this runtime gets; the spec's own come after and win. */
  readonly base: Readonly<Record<string, string>>;
  /** By name in the pod's namespace; a missing entry means that there is no such object. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
}

export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
}

/** Throws `RuntimeError` with CreateContainerConfigError where a reference leads nowhere. */
export function containerEnvironment(input: EnvironmentInput): EnvironmentVariable[] {
  const variables = new Map(Object.entries(input.base));
  for (const source of input.container.envFrom ?? []) {
    const data = source.configMapRef
      ? configMapData(input, source.configMapRef)
      : source.secretRef
        ? secretData(input, source.secretRef)
        : {};
    for (const [key, value] of Object.entries(data)) {
      variables.set(`${source.prefix ?? ""}${key}`, value);
    }
  }
  for (const { name, value, valueFrom } of input.container.env ?? []) {
    const text = valueFrom
      ? sourceValue(input, valueFrom)
      : expandVariables(value ?? "", variables);
    if (text !== undefined) variables.set(name, text);
  }
  return [...variables].map(([name, value]) => ({ name, value }));
}

/** Names of the config maps and secrets that a pod's environment refers to. */
export function environmentReferences(pod: Pod): {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
} {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      if (configMapRef?.name) configMaps.add(configMapRef.name);
      if (secretRef?.name) secrets.add(secretRef.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name);
      if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name);
    }
  }
  return { configMaps, secrets };
}

/** A field of the downward API; undefined where the path is none of them. */
export function downwardField(
  pod: Pod,
  path: string,
  address: { readonly podIp: string; readonly hostIp: string },
): string | undefined {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (subscript) {
    const values = subscript[1] === "labels" ? metadata.labels : metadata.annotations;
    return values?.[subscript[2] ?? ""] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return metadata.name ?? "";
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return mapText(metadata.labels);
    case "metadata.annotations":
      return mapText(metadata.annotations);
    case "spec.nodeName":
      return spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec?.serviceAccountName ?? "";
    case "status.hostIP":
    case "status.hostIPs":
      return address.hostIp;
    case "status.podIP":
    case "status.podIPs":
      return address.podIp;
    default:
      return undefined;
  }
}

function sourceValue(input: EnvironmentInput, source: EnvVarSource): string | undefined {
  if (source.fieldRef) {
    const value = downwardField(input.pod, source.fieldRef.fieldPath, input);
    if (value === undefined) {
      throw configError(`unsupported fieldPath: ${source.fieldRef.fieldPath}`);
    }
    return value;
  }
  if (source.configMapKeyRef) {
    const { name = "", key, optional } = source.configMapKeyRef;
    const map = input.configMaps.get(name);
    return keyValue(map && configMapText(map)[key], {
      kind: "ConfigMap",
      name,
      key,
      optional,
      input,
      present: map !== undefined,
    });
  }
  if (source.secretKeyRef) {
    const { name = "", key, optional } = source.secretKeyRef;
    const secret = input.secrets.get(name);
    return keyValue(secret && secretText(secret)[key], {
      kind: "Secret",
      name,
      key,
      optional,
      input,
      present: secret !== undefined,
    });
  }
  if (source.resourceFieldRef) return resourceValue(input.container, source.resourceFieldRef);
  throw configError(
    "unsupported valueFrom: expected fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef",
  );
}

interface KeyPlace {
  readonly kind: "ConfigMap" | "Secret";
  readonly name: string;
  readonly key: string;
  readonly optional: boolean | undefined;
  readonly input: EnvironmentInput;
  readonly present: boolean;
}

function keyValue(value: string | undefined, place: KeyPlace): string | undefined {
  if (value !== undefined || place.optional) return value;
  if (!place.present) throw configError(`${place.kind.toLowerCase()} "${place.name}" not found`);
  throw configError(
    `couldn't find key ${place.key} in ${place.kind} ${place.input.pod.metadata.namespace}/${place.name}`,
  );
}

/**
 * requests.x or limits.x of this container in units of the divisor, rounded up, as the downward API
 * has it: whole cores and whole bytes where there is no divisor. Throws `RuntimeError`.
 */
export function resourceValue(
  container: Container,
  { resource, divisor }: { readonly resource: string; readonly divisor?: string | undefined },
): string {
  const [list = "", name = ""] = resource.split(/\.(.*)/, 2);
  const { limits, requests } = container.resources ?? {};
  const text = (list === "limits" ? limits : requests)?.[name];
  if (text === undefined) throw configError(`container has no ${resource} to refer to`);
  const value = parseQuantity(text);
  const unit = parseQuantity(divisor === undefined || divisor === "0" ? "1" : divisor);
  if (value === undefined || !unit) {
    throw configError(`cannot divide ${resource} ${text} by ${divisor}: expected quantities`);
  }
  return String((value + unit - 1n) / unit);
}

function configMapData(
  input: EnvironmentInput,
  { name = "", optional }: { name?: string | undefined; optional?: boolean | undefined },
): Record<string, string> {
  const map = input.configMaps.get(name);
  if (!map && !optional) throw configError(`configmap "${name}" not found`);
  return map ? configMapText(map) : {};
}

function secretData(
  input: EnvironmentInput,
  { name = "", optional }: { name?: string | undefined; optional?: boolean | undefined },
): Record<string, string> {
  const secret = input.secrets.get(name);
  if (!secret && !optional) throw configError(`secret "${name}" not found`);
  return secret ? secretText(secret) : {};
}

function configMapText(map: ConfigMap): Record<string, string> {
  return { ...map.data };
}

function secretText(secret: Secret): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, base64]) => [
      key,
      Buffer.from(base64, "base64").toString("utf8"),
    ]),
  );
}

function mapText(values: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(values ?? {})
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
    .join("");
}

function configError(message: string): RuntimeError {
  return new RuntimeError("CreateContainerConfigError", message);
}
