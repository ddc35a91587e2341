/** Owner references, as controllers make and read them. */
import type { OwnerReference } from "../api/gen/meta-v1.js";
import type { KubeObject } from "../api/resource.js";

export function controllerRef(
  owner: KubeObject,
  kind: { readonly apiVersion: string; readonly kind: string },
): OwnerReference {
  return {
    ...kind,
    name: owner.metadata.name ?? "",
    uid: owner.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** FNV-1a over a JSON text: a stable, short hash of a template. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
