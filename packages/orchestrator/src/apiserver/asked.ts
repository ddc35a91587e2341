/** What a request asks for, found once: for limits, authorization, metrics and the handlers. */
import type { HttpRequest } from "@sagong/rpc";
import type { ServedResource } from "../api/schema/served.js";
import type { Registry } from "../registry/registry.js";
import type { RequestKind } from "./in-flight.js";
import type { AnsweredRequest } from "./metrics/request-metrics.js";
import {
  parseRequestPath,
  parseRequestUrl,
  type RequestInfo,
  type RequestUrl,
  type RequestVerb,
  requestVerb,
} from "./request-info.js";

export interface Asked {
  readonly url: RequestUrl;
  /** Left out where the path is none of a resource. */
  readonly info: RequestInfo | undefined;
  /** Left out where it is not served. */
  readonly resource: ServedResource | undefined;
  /** Left out for methods that no resource has. */
  readonly verb: RequestVerb | undefined;
  readonly kind: RequestKind;
}

/** Throws `ApiError` BadRequest where the path cannot be read. */
export function askedOf(request: HttpRequest, registry: Registry): Asked {
  const url = parseRequestUrl(request.url);
  const info = parseRequestPath(url.path);
  const verb = info && requestVerb(request.method, { info, url });
  const isRead = request.method === "GET" || request.method === "HEAD";
  return {
    url,
    info,
    verb,
    resource: info && registry.find(info.group, info.version, info.resource),
    kind: info && isLong(info, verb) ? "long" : isRead ? "readOnly" : "mutating",
  };
}

/** Those that last as long as their clients want. */
const LONG_SUBRESOURCES: ReadonlySet<string> = new Set(["attach", "exec", "log", "portforward"]);

function isLong({ subresource }: RequestInfo, verb: RequestVerb | undefined): boolean {
  return verb === "watch" || LONG_SUBRESOURCES.has(subresource ?? "");
}

/** As kube-apiserver's metrics call verbs. */
const METRIC_VERBS: Readonly<Record<RequestVerb, string>> = {
  get: "GET",
  list: "LIST",
  watch: "WATCH",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETECOLLECTION",
};

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/** Only known words: a client must not be able to fill the metrics with names of its own. */
export function metricsOf(
  { method }: HttpRequest,
  asked: Asked | undefined,
): Omit<AnsweredRequest, "code" | "seconds"> {
  const { resource, info, verb, url } = asked ?? {};
  const bare = METHODS.has(method) ? method : "other";
  const dryRun = url?.searchParams.get("dryRun") === "All" ? "All" : "";
  const none = { group: "", version: "", resource: "", subresource: "", scope: "" } as const;
  if (!resource || !info) return { ...none, verb: bare, dryRun };
  const subresource = resource.subresources.find(({ name }) => name === info.subresource);
  return {
    group: resource.group,
    version: resource.version,
    resource: resource.resource,
    subresource: subresource?.name ?? "",
    scope:
      info.name !== undefined ? "resource" : info.namespace !== undefined ? "namespace" : "cluster",
    verb: verb ? METRIC_VERBS[verb] : bare,
    dryRun,
  };
}
