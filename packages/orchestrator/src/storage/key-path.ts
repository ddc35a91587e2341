/** Keys of objects below `/registry`, as Kubernetes lays them out. */
import type { ObjectKey } from "../api/resource.js";

interface Named {
  readonly group: string;
  readonly resource: string;
}

/** Resources whose folder is not simply their name. */
const FOLDERS: Readonly<Record<string, string>> = {
  nodes: "minions",
  services: "services/specs",
  endpoints: "services/endpoints",
};

/** `/pods/`; events of both groups are the same objects. */
export function resourcePrefix({ resource }: Named): string {
  return `/${FOLDERS[resource] ?? resource}/`;
}

export function objectKey(resource: Named, { namespace, name }: ObjectKey): string {
  return `${resourcePrefix(resource)}${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
