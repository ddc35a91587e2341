/** The discovery documents, legacy and aggregated (v2, v2beta1), from the list of served resources. */
import type { ServedResource } from "../schema/served.js";

export interface ServerVersion {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

type Document = Readonly<Record<string, unknown>>;

/** GET /api */
export function legacyVersions(serverAddress: string): Document {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** GET /apis */
export function groupList(resources: readonly ServedResource[]): Document {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groupsOf(resources).map(groupDocument) };
}

/** GET /apis/GROUP; undefined where it is not served. */
export function group(resources: readonly ServedResource[], name: string): Document | undefined {
  return groupsOf(resources).includes(name)
    ? { kind: "APIGroup", apiVersion: "v1", ...groupDocument(name) }
    : undefined;
}

/** GET /api/v1 or /apis/GROUP/v1; undefined where nothing of it is served. */
export function resourceList(
  resources: readonly ServedResource[],
  { group: groupName, version }: { readonly group: string; readonly version: string },
): Document | undefined {
  const own = resources.filter((one) => one.group === groupName && one.version === version);
  if (own.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    ...(groupName === "" ? {} : { apiVersion: "v1" }),
    groupVersion: groupName === "" ? version : `${groupName}/${version}`,
    resources: own.flatMap((one) => [
      {
        name: one.resource,
        singularName: one.singular,
        namespaced: one.namespaced,
        kind: one.kind,
        verbs: one.verbs,
        ...(one.shortNames.length > 0 ? { shortNames: one.shortNames } : {}),
        ...(one.categories.length > 0 ? { categories: one.categories } : {}),
      },
      ...one.subresources.map((sub) => ({
        name: `${one.resource}/${sub.name}`,
        singularName: "",
        namespaced: one.namespaced,
        ...(sub.group === one.group ? {} : { group: sub.group, version: sub.version }),
        kind: sub.kind,
        verbs: sub.verbs,
      })),
    ]),
  };
}

/** GET /api or /apis as APIGroupDiscoveryList. */
export function aggregated(
  resources: readonly ServedResource[],
  { core, version }: { readonly core: boolean; readonly version: string },
): Document {
  const names = core ? [""] : groupsOf(resources);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: names.map((name) => ({
      metadata: { name, creationTimestamp: null },
      versions: [
        {
          version: "v1",
          freshness: "Current",
          resources: resources.filter((one) => one.group === name).map(aggregatedResource),
        },
      ],
    })),
  };
}

function aggregatedResource(one: ServedResource): Document {
  const kindOf = (kind: {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }) => ({
    group: kind.group,
    version: kind.version,
    kind: kind.kind,
  });
  return {
    resource: one.resource,
    responseKind: kindOf(one),
    scope: one.namespaced ? "Namespaced" : "Cluster",
    singularResource: one.singular,
    verbs: one.verbs,
    ...(one.shortNames.length > 0 ? { shortNames: one.shortNames } : {}),
    ...(one.categories.length > 0 ? { categories: one.categories } : {}),
    ...(one.subresources.length > 0
      ? {
          subresources: one.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: kindOf(sub),
            verbs: sub.verbs,
          })),
        }
      : {}),
  };
}

function groupsOf(resources: readonly ServedResource[]): string[] {
  return [...new Set(resources.map((one) => one.group))].filter((name) => name !== "");
}

function groupDocument(name: string): Document {
  const version = { groupVersion: `${name}/v1`, version: "v1" };
  return { name, versions: [version], preferredVersion: version };
}
