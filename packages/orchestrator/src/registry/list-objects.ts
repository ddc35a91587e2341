/**
 * A list of a resource, whole or in pages: from the watch cache where the client says that it need
 * not be the latest, from the store otherwise. Every page of one list is of the same version.
 */
import {
  badRequest,
  continueExpired,
  invalidOptions,
  isApiError,
  versionTooLarge,
} from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import { Faults } from "../api/validation/faults.js";
import { type ContinueToken, decodeContinue, encodeContinue } from "../storage/continue-token.js";
import { objectKey, resourcePrefix } from "../storage/key-path.js";
import type { Storage, StoredList } from "../storage/storage.js";
import { versioned, type WatchCache } from "../storage/watch-cache.js";
import { type Selection, selection, versionOf } from "./selection.js";
import { REACH_LIMIT_MS } from "./watch-objects.js";

export interface ListQuery extends Selection {
  /** Left out or "": the latest. "0": whatever there is. Else: not older, or with Exact that one. */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface ListedObjects {
  /** In the stored form, with their versions. */
  readonly items: readonly KubeObject[];
  readonly version: number;
  readonly next: string | undefined;
  /** After this page; undefined where it was not counted. */
  readonly remaining: number | undefined;
}

export interface ListDependencies {
  readonly storage: Storage;
  readonly cache: () => WatchCache;
}

/** Keys read at once where a selector may leave few of them. */
const SELECTED_PAGE_KEYS = 1_000;

export async function listObjects(
  resource: ServedResource,
  query: ListQuery,
  dependencies: ListDependencies,
): Promise<ListedObjects> {
  checkQuery(query);
  const matches = selection(resource, query);
  const asked = versionOf(query.resourceVersion);
  const isExact = query.resourceVersionMatch === "Exact";
  const mayBeOld = query.resourceVersion !== undefined && query.resourceVersion !== "";
  if (mayBeOld && !isExact && query.limit === undefined) {
    const cache = dependencies.cache();
    if (asked > 0) await cache.reach(asked, REACH_LIMIT_MS);
    const { items, version } = await cache.list();
    const chosen = items.map(({ object }) => object).filter(matches);
    return { items: chosen, version, next: undefined, remaining: undefined };
  }
  const prefix = `${resourcePrefix(resource)}${query.namespace === undefined ? "" : `${query.namespace}/`}`;
  const token = query.continue ? decodeContinue(prefix, query.continue) : undefined;
  const { storage } = dependencies;
  const page = new Page(query, { resource, prefix, storage, matches });
  const listed = await page.read(token, isExact ? asked : undefined);
  if (!isExact && listed.version < asked) throw versionTooLarge(asked, listed.version);
  return listed;
}

interface PageSource {
  readonly resource: ServedResource;
  readonly prefix: string;
  readonly storage: Storage;
  readonly matches: (object: KubeObject) => boolean;
}

class Page {
  readonly #query: ListQuery;
  readonly #source: PageSource;

  constructor(query: ListQuery, source: PageSource) {
    this.#query = query;
    this.#source = source;
  }

  async read(token: ContinueToken | undefined, exact: number | undefined): Promise<ListedObjects> {
    const { limit = Infinity, labelSelector, fieldSelector } = this.#query;
    const { resource, prefix, matches } = this.#source;
    const isSelected = Boolean(labelSelector) || Boolean(fieldSelector);
    const items: KubeObject[] = [];
    let after = token?.after;
    let version = token?.version ?? exact ?? 0;
    for (;;) {
      // Without a selector every key counts: no more are read than are wanted.
      const keys = isSelected ? Math.max(limit, SELECTED_PAGE_KEYS) : limit;
      const page = await this.#keys({ after, version, limit: keys }, token);
      version = page.version;
      let taken = 0;
      for (const stored of page.items) {
        taken++;
        const { object } = versioned(stored);
        const { namespace, name = "" } = object.metadata;
        after = objectKey(resource, { namespace, name });
        if (matches(object)) items.push(object);
        if (items.length >= limit) break;
      }
      const isMore = page.more || taken < page.items.length;
      if (items.length < limit && isMore) continue;
      const next =
        isMore && after !== undefined ? encodeContinue(prefix, { version, after }) : undefined;
      return {
        items,
        version,
        next,
        remaining: isSelected || !isMore ? undefined : page.remaining,
      };
    }
  }

  async #keys(
    range: { readonly after: string | undefined; readonly version: number; readonly limit: number },
    token: ContinueToken | undefined,
  ): Promise<StoredList> {
    const { storage, prefix } = this.#source;
    const limit = range.limit === Infinity ? undefined : range.limit;
    try {
      return await storage.list(prefix, { ...range, limit });
    } catch (error) {
      if (!isApiError(error, "Expired") || token === undefined) throw error;
      const after = range.after ?? token.after;
      throw continueExpired(encodeContinue(prefix, { version: undefined, after }));
    }
  }
}

/** As apimachinery validates ListOptions of a list. Throws `ApiError`. */
function checkQuery(query: ListQuery): void {
  const { resourceVersionMatch: match = "", resourceVersion: version = "" } = query;
  if (query.continue && version !== "" && version !== "0")
    throw badRequest("specifying resource version is not allowed when using continue");
  if (match === "") return;
  const faults = new Faults();
  const forbidden = (why: string): void => faults.forbidden("resourceVersionMatch", why);
  if (version === "")
    forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (query.continue) forbidden("resourceVersionMatch is forbidden when continue is provided");
  if (match !== "Exact" && match !== "NotOlderThan")
    faults.notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]);
  if (match === "Exact" && version === "0")
    forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  if (faults.causes.length > 0) throw invalidOptions("ListOptions", faults.causes);
}
