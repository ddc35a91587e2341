/**
 * What the server serves, and which of it a word on the command line means. Knows discovery in both
 * forms (aggregated v2, and one document a group version for servers from before 1.26).
 */
import { ApiError, qualifiedResource, type Resource } from "@sagong/orchestrator/api";
import type { ApiCalls } from "./api-calls.js";
import { CommandError } from "./errors.js";

export interface ServerResource extends Resource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  /** `status`, `scale`, `log`, … */
  readonly subresources: readonly string[];
}

interface AggregatedGroups {
  readonly kind?: string;
  readonly items?: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources?: readonly AggregatedResource[] | null;
    }[];
  }[];
}

interface AggregatedResource {
  readonly resource: string;
  readonly responseKind?: { readonly kind?: string };
  readonly scope: string;
  readonly singularResource?: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly { readonly subresource: string }[];
}

interface LegacyResource {
  readonly name: string;
  readonly singularName?: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

const AGGREGATED =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/** Core group first, preferred versions before others, as the server lists them. */
export async function discover(calls: ApiCalls): Promise<ResourceMap> {
  const ask = (path: string): Promise<AggregatedGroups> =>
    // Either form; which one, its kind says.
    calls.json({ method: "GET", path, accept: AGGREGATED }) as Promise<AggregatedGroups>;
  const [core, groups] = await Promise.all([ask("/api"), ask("/apis")]);
  if (core.kind !== "APIGroupDiscoveryList" || groups.kind !== "APIGroupDiscoveryList") {
    return new ResourceMap(await legacy(calls, groups));
  }
  return new ResourceMap([...fromAggregated(core), ...fromAggregated(groups)]);
}

function fromAggregated(list: AggregatedGroups): ServerResource[] {
  return (list.items ?? []).flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources }) =>
      (resources ?? []).map((one) => ({
        group: metadata.name ?? "",
        version,
        resource: one.resource,
        kind: one.responseKind?.kind ?? "",
        namespaced: one.scope === "Namespaced",
        singular: one.singularResource ?? "",
        shortNames: one.shortNames ?? [],
        categories: one.categories ?? [],
        verbs: one.verbs ?? [],
        subresources: (one.subresources ?? []).map(({ subresource }) => subresource),
      })),
    ),
  );
}

async function legacy(calls: ApiCalls, groups: unknown): Promise<ServerResource[]> {
  const { groups: list = [] } = groups as {
    // meta/v1 APIGroupList.
    groups?: readonly {
      readonly preferredVersion?: { readonly groupVersion: string };
      readonly versions: readonly { readonly groupVersion: string }[];
    }[];
  };
  const versions = list.flatMap((group) => {
    const all = group.versions.map(({ groupVersion }) => groupVersion);
    const first = group.preferredVersion?.groupVersion;
    return first === undefined ? all : [first, ...all.filter((version) => version !== first)];
  });
  const lists = await Promise.all(
    ["v1", ...versions].map((groupVersion) => legacyResources(calls, groupVersion)),
  );
  return lists.flat();
}

async function legacyResources(calls: ApiCalls, groupVersion: string): Promise<ServerResource[]> {
  const [group, version] = groupVersion.includes("/")
    ? groupVersion.split("/", 2)
    : ["", groupVersion];
  let resources: readonly LegacyResource[];
  try {
    const path = group === "" ? `/api/${version}` : `/apis/${groupVersion}`;
    const list = (await calls.json({ method: "GET", path })) as {
      // meta/v1 APIResourceList.
      resources?: readonly LegacyResource[];
    };
    resources = list.resources ?? [];
  } catch (error) {
    // A group whose server is away must not hide the others.
    if (error instanceof ApiError && ["NotFound", "ServiceUnavailable"].includes(error.reason)) {
      return [];
    }
    throw error;
  }
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map((one) => ({
      group: group ?? "",
      version: version ?? "",
      resource: one.name,
      kind: one.kind,
      namespaced: one.namespaced,
      singular: one.singularName ?? "",
      shortNames: one.shortNames ?? [],
      categories: one.categories ?? [],
      verbs: one.verbs,
      subresources: resources
        .filter(({ name }) => name.startsWith(`${one.name}/`))
        .map(({ name }) => name.slice(one.name.length + 1)),
    }));
}

export class ResourceMap {
  readonly #resources: readonly ServerResource[];

  constructor(resources: readonly ServerResource[]) {
    this.#resources = resources;
  }

  /** `pods`, `po`, `pod`, `deployments.apps`, `deployments.v1.apps`, a kind. Throws `CommandError`. */
  find(word: string): ServerResource {
    const found = this.#find(word.toLowerCase());
    if (found) return found;
    throw new CommandError(`the server doesn't have a resource type "${word}"`);
  }

  /** As `find`, but a category (`all`) is everything in it. */
  findAll(word: string): readonly ServerResource[] {
    const members = this.#resources.filter(
      ({ categories, verbs }) => categories.includes(word) && verbs.includes("list"),
    );
    const direct = this.#find(word.toLowerCase());
    return direct || members.length === 0 ? [this.find(word)] : members;
  }

  byKind(apiVersion: string, kind: string): ServerResource | undefined {
    const [group, version] = apiVersion.includes("/") ? apiVersion.split("/", 2) : ["", apiVersion];
    return this.#resources.find(
      (one) => one.group === group && one.version === version && one.kind === kind,
    );
  }

  /** The resource of a kind in whatever version is preferred. */
  byGroupKind(group: string, kind: string): ServerResource | undefined {
    return this.#resources.find((one) => one.group === group && one.kind === kind);
  }

  #find(word: string): ServerResource | undefined {
    const [name = "", ...rest] = word.split(".");
    const suffix = rest.join(".");
    const inGroup = this.#resources.filter(
      ({ group, version }) =>
        suffix === "" ||
        group === suffix ||
        (suffix === version && group === "") ||
        suffix === `${version}.${group}`,
    );
    // Partly written groups count only where nothing else fits: deployments.app.
    const byPrefix = this.#resources.filter(
      ({ group }) => suffix !== "" && group.startsWith(suffix),
    );
    return named(inGroup, name) ?? named(byPrefix, name);
  }
}

/** Plural before singular and kind before short name, whatever group comes first. */
function named(resources: readonly ServerResource[], name: string): ServerResource | undefined {
  return (
    resources.find(({ resource }) => resource === name) ??
    resources.find(({ singular, kind }) => singular === name || kind.toLowerCase() === name) ??
    resources.find(({ shortNames }) => shortNames.includes(name))
  );
}

/** `pod/web`, `deployment.apps/web`: how commands name one object in their answers. */
export function shownName(resource: ServerResource, name: string): string {
  return `${shownKind(resource)}/${name}`;
}

/** `pod`, `deployment.apps`. */
export function shownKind(resource: ServerResource): string {
  const singular = resource.singular === "" ? resource.kind.toLowerCase() : resource.singular;
  return qualifiedResource({ group: resource.group, resource: singular });
}
