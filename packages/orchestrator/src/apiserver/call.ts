/** One request for a resource, and what its URL says to every verb alike. */
import type { HttpRequest, HttpResponse } from "@sagong/rpc";
import { badRequest, invalidOptions, methodNotAllowed } from "../api/api-status.js";
import type { KubeObject, ObjectKey } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import { Faults } from "../api/validation/faults.js";
import type { User } from "../authentication/client-certificate.js";
import type { ListQuery } from "../registry/list-objects.js";
import type { ApiServerDependencies } from "./http-exchange.js";
import { type ExpectedKind, decodeBody, type DecodedBody, readBody } from "./read-body.js";
import type { RequestInfo, RequestUrl } from "./request-info.js";

export interface Call {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly url: RequestUrl;
  readonly info: RequestInfo;
  readonly user: User;
  /** Aborted when the request's time is over, its client has left, or the server shuts down. */
  readonly signal: AbortSignal;
}

export interface ResourceCall extends Call {
  readonly resource: ServedResource;
  readonly server: ApiServerDependencies;
}

/** Of the object in the URL. Throws `ApiError` where the URL names none. */
export function keyOfCall({ info, resource }: ResourceCall): ObjectKey {
  if (info.name === undefined) throw methodNotAllowed();
  if (!resource.namespaced) return { name: info.name };
  // An object of a namespace has no other URL.
  if (info.namespace === undefined) throw methodNotAllowed();
  return { namespace: info.namespace, name: info.name };
}

/** The object in the namespace of the URL. */
export function placed({ info, resource }: ResourceCall, object: KubeObject): KubeObject {
  if (!resource.namespaced)
    return { ...object, metadata: { ...object.metadata, namespace: undefined } };
  if (info.namespace === undefined) throw methodNotAllowed();
  const { namespace } = object.metadata;
  if (namespace !== undefined && namespace !== "" && namespace !== info.namespace) {
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  return { ...object, metadata: { ...object.metadata, namespace: info.namespace } };
}

export function listQuery({ url, info, resource }: ResourceCall): ListQuery {
  const text = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const byName = info.name === undefined ? [] : [`metadata.name=${info.name}`];
  const fieldSelector = [...byName, text("fieldSelector") ?? ""].filter((part) => part !== "");
  return {
    namespace: resource.namespaced ? info.namespace : undefined,
    labelSelector: text("labelSelector"),
    fieldSelector: fieldSelector.join(","),
    resourceVersion: text("resourceVersion"),
    resourceVersionMatch: text("resourceVersionMatch"),
    limit: wholeNumber(url, "limit") || undefined,
    continue: text("continue"),
  };
}

/** Undefined where the query does not have it. */
export function wholeNumber(url: RequestUrl, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw badRequest(`${name}: Invalid value: "${text}": expected a whole number`);
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
}

export type FieldValidation = "Ignore" | "Strict" | "Warn";

const MAX_FIELD_MANAGER = 128;

/** Throws `ApiError` Invalid, as the options object of the verb would be refused. */
export function writeOptions(
  { url }: Call,
  kind: "CreateOptions" | "PatchOptions" | "UpdateOptions",
): WriteOptions {
  const faults = new Faults();
  const dryRun = url.searchParams.getAll("dryRun").filter((value) => value !== "");
  const fieldManager = url.searchParams.get("fieldManager") ?? "";
  if (fieldManager.length > MAX_FIELD_MANAGER) faults.tooLong("fieldManager", MAX_FIELD_MANAGER);
  checkDryRun(dryRun, faults);
  const asked = url.searchParams.get("fieldValidation") ?? "";
  const fieldValidation = FIELD_VALIDATIONS.find((one) => one === asked);
  if (asked !== "" && fieldValidation === undefined)
    faults.notSupported("fieldValidation", asked, ["", ...FIELD_VALIDATIONS]);
  if (kind === "PatchOptions" && url.searchParams.has("force"))
    faults.forbidden("force", "may not be specified for non-apply patch");
  if (faults.causes.length > 0) throw invalidOptions(kind, faults.causes);
  return { dryRun: dryRun.length > 0, fieldValidation: fieldValidation ?? "Warn" };
}

const FIELD_VALIDATIONS = ["Ignore", "Strict", "Warn"] as const;

export function checkDryRun(values: readonly string[], faults: Faults): void {
  if (values.some((value) => value !== "All")) faults.notSupported("dryRun", values, ["All"]);
}

/** Table, PartialObjectMetadata: what of the object a row carries. */
export function includeObjectOf({ url }: Call): "Metadata" | "None" | "Object" {
  const asked = url.searchParams.get("includeObject") ?? "";
  if (asked === "" || asked === "Metadata") return "Metadata";
  if (asked === "None" || asked === "Object") return asked;
  throw badRequest(
    `includeObject: Invalid value: "${asked}": must be 'Metadata', 'Object', 'None', or empty`,
  );
}

export async function bodyOf(call: Call): Promise<Buffer> {
  return readBody(call.request.body, call.request.headers["content-length"]);
}

/** The body as an object of the kind. */
export async function objectOf(
  call: ResourceCall,
  expected: ExpectedKind,
  { fieldValidation }: Pick<WriteOptions, "fieldValidation">,
): Promise<DecodedBody> {
  return decodeBody(await bodyOf(call), {
    schema: call.server.schema,
    contentType: call.request.headers["content-type"],
    fieldValidation,
    expected,
  });
}
