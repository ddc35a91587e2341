/** Which of the schema's resources this API server serves, and with which verbs. */
import type { Resource } from "../resource.js";
import type { ResourceFacts, Schema } from "./schema.js";

export interface ServedResource extends Resource {
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly singular: string;
  readonly subresources: readonly ServedSubresource[];
}

export interface ServedSubresource {
  readonly name: string;
  readonly kind: string;
  /** Of the kind, where it is another than the resource's. */
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
}

/** group → resource → subresources. Everything else answers 404, as an unknown resource. */
const SERVED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "": {
    namespaces: ["status", "finalize"],
    nodes: ["status"],
    pods: ["status", "binding", "eviction", "log"],
    services: ["status"],
    endpoints: [],
    configmaps: [],
    secrets: [],
    serviceaccounts: [],
    events: [],
  },
  apps: { deployments: ["status", "scale"], replicasets: ["status", "scale"] },
  "coordination.k8s.io": { leases: [] },
  "discovery.k8s.io": { endpointslices: [] },
  "events.k8s.io": { events: [] },
  "authentication.k8s.io": { selfsubjectreviews: [] },
  "authorization.k8s.io": { selfsubjectaccessreviews: [], selfsubjectrulesreviews: [] },
};

export function servedResources(schema: Schema): ServedResource[] {
  const facts = schema.facts.resources.filter(({ version }) => version === "v1");
  return facts.flatMap((main) => {
    const subresources = SERVED[main.group]?.[main.resource];
    if (main.subresource !== undefined || subresources === undefined) return [];
    return [served(main, facts, subresources)];
  });
}

function served(
  main: ResourceFacts,
  all: readonly ResourceFacts[],
  subresources: readonly string[],
): ServedResource {
  const own = all.filter(
    ({ group, resource, subresource = "" }) =>
      group === main.group && resource === main.resource && subresources.includes(subresource),
  );
  return {
    group: main.group,
    version: main.version,
    resource: main.resource,
    kind: main.kind,
    namespaced: main.namespaced,
    verbs: main.verbs.includes("list") ? [...main.verbs, "watch"].toSorted() : main.verbs,
    shortNames: main.shortNames ?? [],
    categories: main.categories ?? [],
    singular: main.kind.toLowerCase(),
    subresources: own.map((facts) => ({
      name: facts.subresource ?? "",
      kind: facts.kind,
      group: facts.kindGroup ?? main.group,
      version: facts.kindVersion ?? main.version,
      verbs: facts.verbs,
    })),
  };
}
