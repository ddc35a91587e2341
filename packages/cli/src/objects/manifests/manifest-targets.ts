/** Manifests as objects of the server that the session is connected to. */
import type { KubeObject } from "@sagong/orchestrator/api";
import type { ServerResource } from "../session/discovery.js";
import { CommandError } from "../session/errors.js";
import type { Session } from "../session/session.js";
import type { Manifest } from "./parse-manifests.js";

export interface ManifestTarget {
  readonly resource: ServerResource;
  /** Left out for what lives in no namespace. */
  readonly namespace?: string;
  /** Empty where the manifest has none. */
  readonly name: string;
  /** With its namespace. */
  readonly object: KubeObject;
  readonly source: string;
}

/** Throws `CommandError` where the server does not have the kind, or the namespaces contradict. */
export function manifestTarget(
  manifest: Manifest,
  { resources, namespace, isNamespaceGiven }: Session,
): ManifestTarget {
  const { apiVersion, kind, object, source } = manifest;
  const name = object.metadata.name ?? "";
  const resource = resources.byKind(apiVersion, kind);
  if (!resource) {
    throw new CommandError(
      `resource mapping not found for name: "${name}" namespace: "${object.metadata.namespace ?? ""}" from "${source}": no matches for kind "${kind}" in version "${apiVersion}"`,
    );
  }
  if (!resource.namespaced) return { resource, name, object, source };
  const own = object.metadata.namespace;
  if (isNamespaceGiven && own !== undefined && own !== "" && own !== namespace) {
    throw new CommandError(
      `the namespace from the provided object "${own}" does not match the namespace "${namespace}". You must pass '--namespace=${own}' to perform this operation.`,
    );
  }
  const place = own === undefined || own === "" ? namespace : own;
  return {
    resource,
    namespace: place,
    name,
    object: { ...object, metadata: { ...object.metadata, namespace: place } },
    source,
  };
}
