/** The kinds with little to tell, and any kind that has no describer of its own. Pure. */
import {
  type ConfigMap,
  isTree,
  type KubeObject,
  type Namespace,
  type Secret,
  type ServiceAccount,
} from "@sagong/orchestrator/api";
import { valueText } from "../output/eval-json-path.js";
import type { Describer } from "./describer.js";
import { type DescribeText, orNone, sortedEntries } from "./describe-text.js";

export const describeNamespace: Describer<Namespace> = (text, namespace, context) => {
  text.field(0, "Name", namespace.metadata.name);
  text.labels(0, "Labels", namespace.metadata.labels);
  text.annotations(0, namespace.metadata.annotations);
  text.field(0, "Status", namespace.status?.phase ?? "");
  const conditions = namespace.status?.conditions ?? [];
  if (conditions.length > 0) {
    text.line(0, "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage");
    text.line(1, "----\t------\t------------------\t------\t-------");
    for (const { type, status, lastTransitionTime, reason, message } of conditions) {
      text.line(1, [type, status, lastTransitionTime, reason, message].join("\t"));
    }
  }
  // kubectl tells nothing of a namespace's events unless there are any.
  if (context.events && context.events.length > 0) text.events(context.events, context.nowMs);
};

export const describeConfigMap: Describer<ConfigMap> = (text, configMap, context) => {
  text.identity(configMap);
  text.line(0, "\nData\n====");
  for (const [key, value] of sortedEntries(configMap.data)) {
    text.line(0, `${key}:\n----\n${value}\n`);
  }
  text.line(0, "\nBinaryData\n====");
  for (const [key, value] of sortedEntries(configMap.binaryData)) {
    text.line(0, `${key}: ${sizeOf(value)} bytes`);
  }
  text.line(0, "");
  text.events(context.events, context.nowMs);
};

/** How long the values are, not what they are. */
export const describeSecret: Describer<Secret> = (text, secret) => {
  text.identity(secret);
  text.line(0, `\nType:\t${secret.type ?? ""}`);
  text.line(0, "\nData\n====");
  for (const [key, value] of sortedEntries(secret.data)) {
    text.field(0, key, `${sizeOf(value)} bytes`);
  }
};

function sizeOf(base64: string): number {
  return Buffer.from(base64, "base64").length;
}

export const describeServiceAccount: Describer<ServiceAccount> = (text, account, context) => {
  text.identity(account);
  const secrets = (account.imagePullSecrets ?? []).map(({ name = "" }) => name);
  text.field(0, "Image pull secrets", orNone(secrets[0]));
  for (const name of secrets.slice(1)) text.line(0, `\t${name}`);
  text.events(context.events, context.nowMs);
};

/** Every field by its name, as kubectl shows custom resources. */
export const describeAnything: Describer<KubeObject> = (text, object, context) => {
  text.identity(object);
  const { metadata, ...rest } = object;
  const {
    name: _name,
    namespace: _namespace,
    labels: _labels,
    annotations: _annotations,
    managedFields: _managedFields,
    ...meta
  } = metadata;
  describeFields(text, { ...rest, metadata: meta }, 0);
  text.events(context.events, context.nowMs);
};

function describeFields(
  text: DescribeText,
  fields: Readonly<Record<string, unknown>>,
  level: number,
): void {
  for (const [key, value] of sortedEntries(fields)) {
    if (value === undefined) continue;
    const label = labelFor(key);
    if (isTree(value)) {
      text.line(level, `${label}:`);
      describeFields(text, value, level + 1);
    } else if (Array.isArray(value)) {
      text.line(level, `${label}:`);
      for (const item of value) {
        if (isTree(item)) describeFields(text, item, level + 1);
        else text.line(level + 1, valueText(item));
      }
    } else text.field(level, label, value === null ? "<nil>" : valueText(value));
  }
}

const ACRONYMS = ["API", "URL", "UID", "OSB", "GUID"];

/** `holderIdentity` as `Holder Identity`; names that are no plain words stay. */
function labelFor(field: string): string {
  if (!/^[A-Za-z-]+$/.test(field)) return field;
  const words = field.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|-/g) ?? [field];
  return words
    .map((word) => {
      const upper = word.toUpperCase();
      return ACRONYMS.includes(upper) ? upper : word.charAt(0).toUpperCase() + word.slice(1);
    })
    .join(" ");
}
