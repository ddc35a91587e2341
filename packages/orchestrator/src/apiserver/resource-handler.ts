/** Requests for resources: the verbs, between HTTP and the registry. */
import { once, setMaxListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorText } from "@sagong/base";
import { stringify } from "yaml";
import { ApiError, badRequest, qualifiedResource } from "../api/api-status.js";
import { partialMetadata, tableOf } from "../api/printing/tables.js";
import type { KubeObject, ObjectKey } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import type { User } from "../authentication/client-certificate.js";
import type { PatchType } from "../client/object-client.js";
import { patchOf, withoutOwnVersion } from "../registry/patch-object.js";
import type { ListQuery } from "../registry/registry.js";
import { bindPod, evictPod, scaleOf, withFinalizers, withScale } from "../registry/subresources.js";
import type { WatchQuery } from "../registry/watch-objects.js";
import {
  type ApiServerDependencies,
  type Request,
  type Response,
  sendText,
} from "./http-exchange.js";
import { type AcceptedForm, negotiate } from "./media-types.js";
import { sendPodLog } from "./pod-log.js";
import {
  checkTree,
  decodeBody,
  type ExpectedKind,
  parseJson,
  parseYaml,
  readBody,
} from "./read-body.js";
import type { RequestInfo } from "./request-info.js";

export interface Call {
  readonly request: Request;
  readonly response: Response;
  readonly url: URL;
  readonly info: RequestInfo;
  readonly user: User;
}

export class ResourceHandler {
  readonly #dependencies: ApiServerDependencies;
  readonly #closing = new AbortController();

  constructor(dependencies: ApiServerDependencies) {
    this.#dependencies = dependencies;
    // Every watch listens for the end of the server.
    setMaxListeners(0, this.#closing.signal);
  }

  close(): void {
    this.#closing.abort(new Error("the server is shutting down"));
  }

  async handle(call: Call): Promise<void> {
    const { info, request } = call;
    const resource = this.#dependencies.registry.find(info.group, info.version, info.resource);
    if (!resource)
      throw new ApiError("NotFound", "the server could not find the requested resource");
    if (
      resource.resource === "selfsubjectreviews" ||
      resource.resource === "selfsubjectaccessreviews"
    ) {
      return this.#review(call, resource);
    }
    if (info.subresource !== undefined) return this.#subresource(call, resource, info.subresource);
    switch (request.method) {
      case "GET":
        if (info.name !== undefined) return this.#get(call, resource);
        return isTrue(call.url.searchParams.get("watch"))
          ? this.#watch(call, resource)
          : this.#list(call, resource);
      case "POST":
        return this.#create(call, resource);
      case "PUT":
        return this.#update(call, resource, undefined);
      case "PATCH":
        return this.#patch(call, resource, undefined);
      case "DELETE":
        return info.name === undefined
          ? this.#deleteAll(call, resource)
          : this.#delete(call, resource);
      default:
        throw new ApiError(
          "MethodNotAllowed",
          `the server does not allow this method on the requested resource`,
        );
    }
  }

  async #get(call: Call, resource: ServedResource): Promise<void> {
    this.#answer(
      call,
      resource,
      await this.#dependencies.registry.get(resource, keyOfCall(call, resource)),
    );
  }

  async #list(call: Call, resource: ServedResource): Promise<void> {
    const list = await this.#dependencies.registry.list(resource, listQuery(call, resource));
    const form = formOf(call);
    if (form.as === "Table") {
      const { resourceVersion, continue: next, remainingItemCount } = list.metadata;
      return this.#send(
        call,
        200,
        tableOf(list.items, {
          ...this.#tableOptions(call, resource, form),
          resourceVersion,
          continue: next,
          remainingItemCount,
        }),
      );
    }
    if (form.as?.startsWith("PartialObjectMetadata")) {
      const items = list.items.map((item) => partialMetadata(item, form.version));
      return this.#send(call, 200, {
        kind: "PartialObjectMetadataList",
        apiVersion: `meta.k8s.io/${form.version}`,
        metadata: list.metadata,
        items,
      });
    }
    // Items of a list do not repeat their kind.
    this.#send(call, 200, {
      ...list,
      items: list.items.map(({ kind: _k, apiVersion: _a, ...item }) => item),
    });
  }

  async #watch(call: Call, resource: ServedResource): Promise<void> {
    const { registry } = this.#dependencies;
    const parameters = call.url.searchParams;
    const abort = new AbortController();
    const stop = (): void => abort.abort(new Error("the watch ended"));
    call.response.once("close", stop);
    this.#closing.signal.addEventListener("abort", stop);
    const query: WatchQuery = {
      ...listQuery(call, resource),
      sendInitialEvents: parameters.has("sendInitialEvents")
        ? isTrue(parameters.get("sendInitialEvents"))
        : undefined,
      allowWatchBookmarks: isTrue(parameters.get("allowWatchBookmarks")),
      timeoutSeconds: Number(parameters.get("timeoutSeconds") ?? "") || undefined,
      signal: abort.signal,
    };
    const form = formOf(call);
    const write = async (type: string, object: unknown): Promise<void> => {
      if (call.response.destroyed) return;
      const more = (call.response as ServerResponse).write(`${JSON.stringify({ type, object })}\n`); // Both kinds have write().
      if (!more) await drained(call.response);
    };
    const events = registry.watch(resource, query);
    try {
      // Faults of the request itself are answered as such, before the stream begins.
      let next = events.next();
      await Promise.race([next, immediate()]);
      call.response.setHeader("content-type", "application/json");
      call.response.statusCode = 200;
      (call.response as ServerResponse).flushHeaders(); // Both kinds have it.
      for (let result = await next; !result.done; result = await next) {
        const { type, object, initialEnd } = result.value;
        await write(type, this.#watchForm(call, resource, { form, type, object, initialEnd }));
        next = events.next();
      }
    } catch (error) {
      if (!call.response.headersSent) throw error;
      const known =
        error instanceof ApiError ? error : new ApiError("InternalError", errorText(error));
      await write("ERROR", known.toStatus());
    } finally {
      this.#closing.signal.removeEventListener("abort", stop);
      call.response.removeListener("close", stop);
      stop();
      // Where nothing has begun, the refusal is still to be sent.
      if (call.response.headersSent) (call.response as ServerResponse).end(); // Both kinds have it.
    }
  }

  #watchForm(
    call: Call,
    resource: ServedResource,
    event: {
      form: AcceptedForm;
      type: string;
      object: KubeObject;
      initialEnd?: boolean | undefined;
    },
  ): unknown {
    const { form, type, object, initialEnd } = event;
    const annotated = initialEnd
      ? {
          ...object,
          metadata: { ...object.metadata, annotations: { "k8s.io/initial-events-end": "true" } },
        }
      : object;
    if (form.as === "Table") {
      const objects = type === "BOOKMARK" ? [] : [object];
      return tableOf(objects, {
        ...this.#tableOptions(call, resource, form),
        resourceVersion: object.metadata.resourceVersion,
      });
    }
    return form.as?.startsWith("PartialObjectMetadata")
      ? partialMetadata(annotated, form.version)
      : annotated;
  }

  async #create(call: Call, resource: ServedResource): Promise<void> {
    const object = await this.#body(call, resource);
    const placed = place(call, resource, object);
    const created = await this.#dependencies.registry.create(resource, placed, {
      dryRun: isDryRun(call),
    });
    this.#answer(call, resource, created, 201);
  }

  async #update(
    call: Call,
    resource: ServedResource,
    subresource: string | undefined,
  ): Promise<void> {
    const object = place(call, resource, await this.#body(call, resource));
    const key = keyOfCall(call, resource);
    if (object.metadata.name !== key.name) {
      throw badRequest(
        `the name of the object (${object.metadata.name}) does not match the name on the URL (${key.name})`,
      );
    }
    const updated = await this.#dependencies.registry.update(resource, object, {
      dryRun: isDryRun(call),
      subresource,
    });
    this.#answer(call, resource, updated);
  }

  async #patch(
    call: Call,
    resource: ServedResource,
    subresource: string | undefined,
  ): Promise<void> {
    const { schema, registry } = this.#dependencies;
    const apply = await this.#patchOf(call, resource);
    const fieldValidation = call.url.searchParams.get("fieldValidation") ?? undefined;
    let warnings: readonly string[] = [];
    const change = (before: KubeObject): KubeObject => {
      const checked = checkTree(apply(before), { schema, fieldValidation, expected: resource });
      warnings = checked.warnings;
      return withoutOwnVersion(checked.object, before);
    };
    const patched = await registry.change(resource, keyOfCall(call, resource), change, {
      dryRun: isDryRun(call),
      subresource,
    });
    this.#warn(call, warnings);
    this.#answer(call, resource, patched);
  }

  async #patchOf(call: Call, resource: ServedResource): Promise<(document: unknown) => unknown> {
    const type = String(call.request.headers["content-type"] ?? "")
      .split(";")[0]
      ?.trim();
    const text = (await readBody(call.request as IncomingMessage)).toString("utf8"); // Both kinds are streams of bytes.
    const { schema } = this.#dependencies;
    const as = (type: PatchType): ((document: unknown) => unknown) =>
      patchOf(schema, { type, patch: parseJson(text), target: resource });
    switch (type) {
      case "application/json-patch+json":
        return as("json");
      case "application/merge-patch+json":
        return as("merge");
      case "application/strategic-merge-patch+json":
        return as("strategic-merge");
      case "application/apply-patch+yaml":
        parseYaml(text);
        throw new ApiError(
          "UnsupportedMediaType",
          "server-side apply is not there yet: use client-side apply (kubectl apply without --server-side)",
        );
      default:
        throw new ApiError(
          "UnsupportedMediaType",
          `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json`,
        );
    }
  }

  async #delete(call: Call, resource: ServedResource): Promise<void> {
    const key = keyOfCall(call, resource);
    const object = await this.#dependencies.registry.delete(
      resource,
      key,
      await this.#deleteQuery(call),
    );
    if (
      object.metadata.deletionTimestamp !== undefined &&
      ((object.metadata.finalizers ?? []).length > 0 ||
        (object.metadata.deletionGracePeriodSeconds ?? 0) > 0)
    ) {
      return this.#answer(call, resource, object);
    }
    const { uid } = object.metadata;
    const details = { name: key.name, group: resource.group, kind: resource.resource, uid };
    this.#send(call, 200, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details,
    });
  }

  async #deleteAll(call: Call, resource: ServedResource): Promise<void> {
    const { registry } = this.#dependencies;
    const query = await this.#deleteQuery(call);
    const list = await registry.list(resource, {
      ...listQuery(call, resource),
      resourceVersion: undefined,
    });
    for (const { metadata } of list.items) {
      await registry
        .delete(resource, { namespace: metadata.namespace, name: metadata.name ?? "" }, query)
        .catch((error: unknown) => {
          if (!(error instanceof ApiError && error.reason === "NotFound")) throw error;
        });
    }
    this.#send(call, 200, list);
  }

  async #deleteQuery(call: Call) {
    const body = await readBody(call.request as IncomingMessage); // Both kinds are streams of bytes.
    const expected = { group: "", version: "v1", kind: "DeleteOptions" };
    const options = (
      body.length === 0 ? {} : decodeBody(body, { ...this.#decodeOptions(call), expected }).object
    ) as {
      // meta/v1 DeleteOptions.
      gracePeriodSeconds?: number;
      propagationPolicy?: string;
      preconditions?: { uid?: string; resourceVersion?: string };
    };
    const grace = call.url.searchParams.get("gracePeriodSeconds");
    return {
      gracePeriodSeconds:
        options.gracePeriodSeconds ?? (grace === null ? undefined : Number(grace)),
      propagationPolicy:
        options.propagationPolicy ?? call.url.searchParams.get("propagationPolicy") ?? undefined,
      uid: options.preconditions?.uid,
      resourceVersion: options.preconditions?.resourceVersion,
      dryRun: isDryRun(call),
    };
  }

  async #subresource(call: Call, resource: ServedResource, name: string): Promise<void> {
    const { registry, clock } = this.#dependencies;
    const served = resource.subresources.find((one) => one.name === name);
    const key = keyOfCall(call, resource);
    if (!served) {
      if (
        ["exec", "attach", "portforward", "proxy", "ephemeralcontainers", "resize"].includes(name)
      ) {
        throw new ApiError(
          "NotImplemented",
          `${qualifiedResource(resource)}/${name} is not implemented yet`,
        );
      }
      throw new ApiError("NotFound", "the server could not find the requested resource");
    }
    const { method } = call.request;
    if (name === "log") return sendPodLog(call, key, this.#dependencies);
    if (name === "status" && method === "GET") return this.#get(call, resource);
    if (name === "status" && method === "PUT") return this.#update(call, resource, "status");
    if (name === "status" && method === "PATCH") return this.#patch(call, resource, "status");
    if (name === "scale") return this.#scale(call, resource, key);
    const expected = {
      group: name === "eviction" ? "policy" : resource.group,
      version: "v1",
      kind: served.kind,
    };
    const body = await this.#body(call, expected);
    if (name === "binding" && method === "POST") {
      const nowText = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
      await bindPod(registry, resource, { key, body, nowText, dryRun: isDryRun(call) });
      return this.#send(call, 201, SUCCESS);
    }
    if (name === "eviction" && method === "POST") {
      await evictPod(registry, resource, { key, body, dryRun: isDryRun(call) });
      return this.#send(call, 201, SUCCESS);
    }
    if (name === "finalize" && method === "PUT") {
      const done = await registry.change(resource, key, (before) => withFinalizers(before, body), {
        subresource: "finalize",
      });
      return this.#answer(call, resource, done);
    }
    throw new ApiError(
      "MethodNotAllowed",
      "the server does not allow this method on the requested resource",
    );
  }

  async #scale(call: Call, resource: ServedResource, key: ObjectKey): Promise<void> {
    const { registry, schema } = this.#dependencies;
    const expected = { group: "autoscaling", version: "v1", kind: "Scale" };
    if (call.request.method === "GET")
      return this.#send(call, 200, scaleOf(await registry.get(resource, key)));
    let change: (before: KubeObject) => KubeObject;
    if (call.request.method === "PUT") {
      const scale = await this.#body(call, expected);
      change = (before) => withScale(before, scale);
    } else {
      const apply = await this.#patchOf(call, { ...resource, ...expected });
      change = (before) => {
        const scale = checkTree(apply(scaleOf(before)), {
          schema,
          fieldValidation: undefined,
          expected,
        }).object;
        return withScale(before, scale);
      };
    }
    this.#send(
      call,
      200,
      scaleOf(await registry.change(resource, key, change, { dryRun: isDryRun(call) })),
    );
  }

  async #review(call: Call, resource: ServedResource): Promise<void> {
    const body = await this.#body(call, resource);
    const { name: username, groups } = call.user;
    const status =
      resource.resource === "selfsubjectreviews"
        ? { userInfo: { username, groups } }
        : {
            allowed: true,
            reason: "every identity that may use this server may do everything (no RBAC yet)",
          };
    this.#send(call, 201, { ...body, status });
  }

  async #body(call: Call, expected: ExpectedKind): Promise<KubeObject> {
    const bytes = await readBody(call.request as IncomingMessage); // Both kinds are streams of bytes.
    const { object, warnings } = decodeBody(bytes, { ...this.#decodeOptions(call), expected });
    this.#warn(call, warnings);
    return object;
  }

  #decodeOptions(call: Call) {
    return {
      schema: this.#dependencies.schema,
      contentType: call.request.headers["content-type"],
      fieldValidation: call.url.searchParams.get("fieldValidation") ?? undefined,
    };
  }

  #warn(call: Call, warnings: readonly string[]): void {
    if (warnings.length === 0) return;
    call.response.setHeader(
      "warning",
      warnings.map((text) => `299 - ${JSON.stringify(text)}`),
    );
  }

  #answer(call: Call, resource: ServedResource, object: KubeObject, code = 200): void {
    const form = formOf(call);
    if (form.as === "Table") {
      const { resourceVersion } = object.metadata;
      return this.#send(
        call,
        code,
        tableOf([object], { ...this.#tableOptions(call, resource, form), resourceVersion }),
      );
    }
    if (form.as?.startsWith("PartialObjectMetadata"))
      return this.#send(call, code, partialMetadata(object, form.version));
    this.#send(call, code, object);
  }

  #tableOptions(call: Call, resource: ServedResource, form: AcceptedForm) {
    const asked = call.url.searchParams.get("includeObject");
    const includeObject = asked === "None" || asked === "Object" ? asked : "Metadata";
    return {
      resource: qualifiedResource(resource),
      nowMs: this.#dependencies.clock.wallMs(),
      includeObject,
      version: form.version,
    } as const;
  }

  #send(call: Call, code: number, value: unknown): void {
    const { media } = formOf(call);
    const pretty = isTrue(call.url.searchParams.get("pretty"));
    if (media === "yaml") call.response.setHeader("content-type", "application/yaml");
    const body =
      media === "yaml"
        ? stringify(value)
        : JSON.stringify(value, undefined, pretty ? 2 : undefined);
    sendText(call.response, { code, body, request: call.request });
  }
}

const SUCCESS = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };

function formOf({ request }: Call): AcceptedForm {
  const form = negotiate(request.headers.accept);
  if (form) return form;
  throw new ApiError(
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml",
  );
}

function keyOfCall({ info }: Call, resource: ServedResource): ObjectKey {
  if (info.name === undefined)
    throw badRequest("name: Required value: this request needs the name of an object");
  return resource.namespaced
    ? { namespace: info.namespace ?? "", name: info.name }
    : { name: info.name };
}

/** The object in the namespace of the URL. */
function place({ info }: Call, resource: ServedResource, object: KubeObject): KubeObject {
  if (!resource.namespaced)
    return { ...object, metadata: { ...object.metadata, namespace: undefined } };
  const { namespace } = object.metadata;
  if (namespace !== undefined && namespace !== info.namespace) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request: ${namespace}, ${info.namespace}`,
    );
  }
  return { ...object, metadata: { ...object.metadata, namespace: info.namespace } };
}

function listQuery({ url, info }: Call, resource: ServedResource): ListQuery {
  const text = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const limit = Number(text("limit") ?? "0");
  if (!Number.isInteger(limit) || limit < 0)
    throw badRequest(`limit: Invalid value: "${text("limit")}": expected a whole number`);
  return {
    namespace: resource.namespaced ? info.namespace : undefined,
    labelSelector: text("labelSelector"),
    fieldSelector: info.name === undefined ? text("fieldSelector") : `metadata.name=${info.name}`,
    resourceVersion: text("resourceVersion"),
    resourceVersionMatch: text("resourceVersionMatch"),
    limit: limit === 0 ? undefined : limit,
    continue: text("continue"),
  };
}

function isDryRun({ url }: Call): boolean {
  return url.searchParams.getAll("dryRun").includes("All");
}

function isTrue(value: string | null): boolean {
  return value === "true" || value === "1";
}

/** Resolves when the response takes more, or never will. */
async function drained(response: Response): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  } finally {
    settled.abort();
  }
}

/** Resolves with nothing once everything that is ready now has been seen. */
function immediate(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)));
}
