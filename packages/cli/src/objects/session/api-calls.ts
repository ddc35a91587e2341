/**
 * The requests that commands make, over one REST connection. Objects are taken as the server sends
 * them, whatever their kind; warnings of the server go to `onWarning`.
 */
import type { IncomingMessage } from "node:http";
import {
  ApiError,
  type KubeObject,
  type ObjectKey,
  type ObjectList,
  type Resource,
  type Status,
} from "@sagong/orchestrator/api";
import {
  ConnectionError,
  queryText,
  resourcePath,
  type RestConnection,
  type RestRequest,
} from "@sagong/orchestrator/client";
import { lines } from "./lines.js";

export interface ListCall {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly includeObject?: "Object" | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WatchCall extends ListCall {
  readonly resourceVersion: string | undefined;
}

export interface WriteCall {
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore" | undefined;
}

export interface PatchCall extends WriteCall {
  readonly type: "json" | "merge" | "strategic-merge" | "apply";
  readonly subresource?: string | undefined;
  /** Of server-side apply. */
  readonly force?: boolean | undefined;
}

/** meta/v1 Table, as far as printing needs it. */
export interface Table {
  readonly kind: "Table";
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly columnDefinitions: readonly {
    readonly name: string;
    readonly type?: string;
    readonly priority?: number;
  }[];
  readonly rows: readonly TableRow[];
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: KubeObject;
}

export interface RawEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** Lists are read in parts of this many objects, as kubectl does. */
const CHUNK = 500;
/** An answer beyond this is refused. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const AS_TABLE =
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  "strategic-merge": "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

export class ApiCalls {
  readonly #connection: RestConnection;
  readonly #onWarning: (text: string) => void;
  readonly #signal: AbortSignal;

  constructor(
    connection: RestConnection,
    options: { readonly onWarning: (text: string) => void; readonly signal: AbortSignal },
  ) {
    this.#connection = connection;
    this.#onWarning = options.onWarning;
    this.#signal = options.signal;
  }

  get(resource: Resource, key: ObjectKey & { readonly subresource?: string }): Promise<KubeObject> {
    return this.#object({ method: "GET", path: resourcePath(resource, key) });
  }

  /** All parts together. */
  async list(resource: Resource, call: ListCall = {}): Promise<ObjectList> {
    const parts: ObjectList[] = [];
    let next: string | undefined;
    do {
      const path = listPath(resource, call, { limit: CHUNK, continue: next });
      // The server answers a list path with its resource's list.
      const part = (await this.json({ method: "GET", path, signal: call.signal })) as ObjectList;
      parts.push(part);
      next = part.metadata.continue;
    } while (next);
    const [first] = parts;
    const last = parts.at(-1);
    if (!first || !last) throw new ConnectionError(`Cannot list ${resource.resource}: no answer`);
    const items = parts.flatMap((part) => part.items ?? []).map((item) => typed(item, first));
    return { ...first, metadata: last.metadata, items };
  }

  /** Rows of one object where `name` is given, else of all, in parts of `CHUNK`. */
  async *tables(
    resource: Resource,
    { name, ...call }: ListCall & { readonly name?: string | undefined },
  ): AsyncGenerator<Table> {
    let next: string | undefined;
    do {
      const path =
        name === undefined
          ? listPath(resource, call, { limit: CHUNK, continue: next })
          : `${resourcePath(resource, { namespace: call.namespace, name })}${queryText({ includeObject: call.includeObject })}`;
      const table = await this.json({ method: "GET", path, accept: AS_TABLE, signal: call.signal });
      yield tableOf(table);
      next = tableOf(table).metadata?.continue;
    } while (next);
  }

  watch(resource: Resource, call: WatchCall): AsyncGenerator<RawEvent<KubeObject>> {
    return this.#watch(resource, call, undefined);
  }

  watchTables(resource: Resource, call: WatchCall): AsyncGenerator<RawEvent<Table>> {
    return this.#watch(resource, call, AS_TABLE);
  }

  create(resource: Resource, object: KubeObject, call: WriteCall = {}): Promise<KubeObject> {
    const { namespace } = object.metadata;
    const path = `${resourcePath(resource, { namespace })}${writeQuery(call)}`;
    return this.#object({ method: "POST", path, body: object });
  }

  patch(
    resource: Resource,
    key: ObjectKey,
    { patch, ...call }: PatchCall & { readonly patch: unknown },
  ): Promise<KubeObject> {
    const place = { ...key, subresource: call.subresource };
    return this.#object({
      method: "PATCH",
      path: `${resourcePath(resource, place)}${writeQuery(call)}`,
      body: patch,
      contentType: PATCH_TYPES[call.type],
    });
  }

  /** The whole of an object, or of one of its parts: scale. */
  update(
    resource: Resource,
    key: ObjectKey,
    { object, subresource }: { readonly object: KubeObject; readonly subresource?: string },
  ): Promise<KubeObject> {
    const path = resourcePath(resource, { ...key, subresource });
    return this.#object({ method: "PUT", path, body: object });
  }

  /** The object as it is now, or a Status where it is gone at once. */
  delete(resource: Resource, key: ObjectKey, body: object): Promise<KubeObject> {
    return this.#object({ method: "DELETE", path: resourcePath(resource, key), body });
  }

  /** The body of a GET as it comes: logs. */
  stream(path: string, signal?: AbortSignal): Promise<IncomingMessage> {
    return this.#send({ method: "GET", path, accept: "application/json, */*", signal });
  }

  async json(request: RestRequest): Promise<unknown> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of await this.#send(request)) {
      const buffer: Buffer = chunk;
      bytes += buffer.length;
      if (bytes > MAX_ANSWER_BYTES) {
        throw new ConnectionError(
          `Cannot read ${request.path}: the answer is over ${MAX_ANSWER_BYTES} bytes`,
        );
      }
      chunks.push(buffer);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    try {
      return JSON.parse(text);
    } catch {
      throw new ConnectionError(
        `Cannot read ${request.path}: the answer is not JSON: ${text.slice(0, 200)}`,
      );
    }
  }

  async *#watch<T>(
    resource: Resource,
    call: WatchCall,
    accept: string | undefined,
  ): AsyncGenerator<RawEvent<T>> {
    const { resourceVersion, signal } = call;
    const path = listPath(resource, call, {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
    });
    const body = await this.#send({ method: "GET", path, signal, ...(accept ? { accept } : {}) });
    try {
      for await (const line of lines(body)) {
        if (line === "") continue;
        const event = JSON.parse(line) as RawEvent<T> | { type: "ERROR"; object: Status }; // meta/v1 WatchEvent.
        if (event.type === "ERROR") throw ApiError.fromStatus(event.object);
        yield event;
      }
    } finally {
      body.destroy();
    }
  }

  async #object(request: RestRequest): Promise<KubeObject> {
    return (await this.json(request)) as KubeObject; // An object's path is answered with it.
  }

  async #send(request: RestRequest): Promise<IncomingMessage> {
    const response = await this.#connection.stream({
      ...request,
      signal: request.signal ?? this.#signal,
    });
    for (const text of warningsOf(response.headers["warning"])) this.#onWarning(text);
    return response;
  }
}

/** The texts of `299 - "text"`, several in one header (RFC 7234, 5.5). */
export function warningsOf(header: unknown): string[] {
  if (typeof header !== "string") return [];
  return [...header.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) =>
    text.replaceAll(/\\(.)/g, "$1"),
  );
}

/** Lists of the original leave out what every item is. */
function typed(item: KubeObject, list: ObjectList): KubeObject {
  if (item.kind !== undefined || !list.kind?.endsWith("List")) return item;
  return { apiVersion: list.apiVersion, kind: list.kind.slice(0, -"List".length), ...item };
}

function tableOf(value: unknown): Table {
  if (typeof value === "object" && value !== null && "kind" in value && value.kind === "Table") {
    return { columnDefinitions: [], ...value, rows: [], ...rowsOf(value) } as Table; // By its kind.
  }
  throw new ConnectionError("Cannot print the answer: the server does not answer with tables");
}

/** Go writes an empty list as null. */
function rowsOf(value: object): object {
  return "rows" in value && Array.isArray(value.rows) ? { rows: value.rows } : {};
}

function listPath(
  resource: Resource,
  call: ListCall,
  more: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const { namespace, labelSelector, fieldSelector, includeObject } = call;
  return `${resourcePath(resource, { namespace })}${queryText({ labelSelector, fieldSelector, includeObject, ...more })}`;
}

function writeQuery(call: WriteCall & { readonly force?: boolean | undefined }): string {
  const { fieldManager, fieldValidation, dryRun, force } = call;
  return queryText({ fieldManager, fieldValidation, dryRun: dryRun ? "All" : undefined, force });
}
