/**
 * A request's body as an object of the kind that is expected, strictly checked. The texts are those
 * of Kubernetes' decoders, with which clients and people are familiar.
 */
import { errorText } from "@sagong/base";
import { ApiError, badRequest } from "../api/api-status.js";
import { checkFields, type FieldCheck, FieldTypeError } from "../api/codec/check-fields.js";
import { decodeProtobuf } from "../api/codec/decode-protobuf.js";
import { JsonSyntaxError, type Occurrences, parseJson } from "../api/codec/parse-json.js";
import { isTree } from "../api/patch/json-tree.js";
import { apiVersionOf, type KubeObject } from "../api/resource.js";
import type { Schema } from "../api/schema/schema.js";
import { parseYaml, YamlSyntaxError } from "./parse-yaml.js";

/** apiserver's limit of a request's body. */
export const MAX_BODY_BYTES = 3_145_728;

/** Throws `ApiError` RequestEntityTooLarge, where its length says so before any of it is read. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  contentLength?: string,
): Promise<Buffer> {
  if (Number(contentLength ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.length;
      if (bytes > MAX_BODY_BYTES) break;
      parts.push(part);
    }
  } catch (error) {
    throw badRequest(`the body of the request could not be read: ${errorText(error)}`);
  }
  if (bytes > MAX_BODY_BYTES) throw tooLarge();
  return Buffer.concat(parts);
}

function tooLarge(): ApiError {
  return new ApiError(
    "RequestEntityTooLarge",
    `Request entity too large: limit is ${MAX_BODY_BYTES}`,
  );
}

export interface ExpectedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface DecodedBody {
  readonly object: KubeObject;
  /** For `Warning` headers: unknown and duplicate fields under fieldValidation=Warn. */
  readonly warnings: readonly string[];
}

export interface CheckOptions {
  readonly schema: Schema;
  /** "Ignore", "Warn" or "Strict". */
  readonly fieldValidation: string | undefined;
  readonly expected: ExpectedKind;
}

export interface DecodeOptions extends CheckOptions {
  readonly contentType: string | undefined;
}

/** The media type of a Content-Type header, without its parameters. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Throws `ApiError`. */
export function decodeBody(body: Buffer, options: DecodeOptions): DecodedBody {
  switch (mediaTypeOf(options.contentType)) {
    case "application/vnd.kubernetes.protobuf": {
      const { value } = decodeProtobuf(options.schema, body);
      return { object: asKind(value, options), warnings: [] };
    }
    case "":
    case "application/json":
      return checkSource(jsonSource(body, options.expected), options);
    case "application/yaml":
    case "application/x-yaml":
      return checkSource(yamlSource(body, options.expected), options);
    default:
      throw unsupportedMediaType([
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
      ]);
  }
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

interface Source {
  readonly tree: unknown;
  readonly occurrences?: Occurrences;
  /** What its parser finds wrong with it, for strict validation. */
  readonly faults: readonly string[];
}

function jsonSource(body: Buffer, { kind }: ExpectedKind): Source {
  try {
    const { value, occurrences } = parseJson(body.toString("utf8"));
    return { tree: value, occurrences, faults: [] };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${error.message} (${summary(body)})`,
    );
  }
}

function yamlSource(body: Buffer, { kind }: ExpectedKind): Source {
  try {
    const { value, duplicates } = parseYaml(body.toString("utf8"));
    return { tree: value, faults: duplicates };
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): ${error.message} (${summary(body)})`,
    );
  }
}

const SUMMARY_BYTES = 30;

function summary(body: Buffer): string {
  if (body.length === 0) return "<empty>";
  const start = body.subarray(0, SUMMARY_BYTES);
  const text = body[0] === 0x7b ? start.toString("utf8") : start.toString("hex");
  return body.length > SUMMARY_BYTES ? `${text} ...` : text;
}

/** Holds a tree against the expected kind. Throws `ApiError`. */
export function checkTree(tree: unknown, options: CheckOptions): DecodedBody {
  return checkSource({ tree, faults: [] }, options);
}

function checkSource(source: Source, options: CheckOptions): DecodedBody {
  const { expected, fieldValidation } = options;
  const cannot = (why: string): ApiError =>
    badRequest(
      `${expected.kind} in version "${expected.version}" cannot be handled as a ${expected.kind}: ${why}`,
    );
  let inspected: InspectedTree;
  try {
    inspected = inspect(source, options);
  } catch (error) {
    if (!(error instanceof FieldTypeError)) throw error;
    throw cannot(error.message);
  }
  const { object, strictFaults } = inspected;
  if (fieldValidation === "Ignore") return { object, warnings: [] };
  const warnings = [...source.faults, ...strictFaults];
  if (warnings.length > 0 && fieldValidation === "Strict")
    throw cannot(`strict decoding error: ${strictText(source.faults, strictFaults)}`);
  return { object, warnings };
}

export interface InspectedTree {
  readonly object: KubeObject;
  readonly strictFaults: readonly string[];
}

/** The result of a patch against its kind. Throws `FieldTypeError`, or `ApiError` for another kind. */
export function inspectTree(
  tree: unknown,
  options: Pick<CheckOptions, "schema" | "expected">,
): InspectedTree {
  return inspect({ tree, faults: [] }, options);
}

function inspect(
  source: Source,
  options: Pick<CheckOptions, "schema" | "expected">,
): InspectedTree {
  const { value, strictFaults } = checkSourceFields(source, options);
  return { object: asKind(value, options), strictFaults };
}

/** Go's YAML decoder puts its faults into one text of several lines. */
function strictText(yaml: readonly string[], fields: readonly string[]): string {
  const first = yaml.length === 0 ? [] : [`yaml: unmarshal errors:\n  ${yaml.join("\n  ")}`];
  return [...first, ...fields].join(", ");
}

/** Throws `FieldTypeError`, or `ApiError` where the tree is another kind's. */
function checkSourceFields(
  { tree, occurrences = new Map() }: Source,
  { schema, expected }: Pick<CheckOptions, "schema" | "expected">,
): FieldCheck {
  if (!isTree(tree)) {
    const got = Array.isArray(tree) ? "array" : tree === null ? "null" : typeof tree;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): the body is ${got}, expected an object`,
    );
  }
  const named = {
    ...tree,
    kind: tree["kind"] || expected.kind,
    apiVersion: tree["apiVersion"] || apiVersionOf(expected),
  };
  const typeName = schema.typeNameOf(expected);
  // Of another kind: told so, rather than that its fields are unknown.
  if (typeName === undefined || !isOfType(named, schema, typeName))
    return { value: named, strictFaults: [] };
  return checkFields(schema, typeName, {
    value: named,
    occurrences: renamed(occurrences, { from: tree, to: named }),
  });
}

/** The root was copied to name its kind; a kind that stands there twice is still told. */
function renamed(
  occurrences: Occurrences,
  { from, to }: { readonly from: object; readonly to: object },
): Occurrences {
  const own = occurrences.get(from);
  return own ? new Map([...occurrences, [to, own]]) : occurrences;
}

/** Types that belong to every group (DeleteOptions) come with the version of any. */
function isOfType(value: Readonly<Record<string, unknown>>, schema: Schema, type: string): boolean {
  const { kind, apiVersion } = value;
  if (typeof kind !== "string" || typeof apiVersion !== "string") return false;
  const slash = apiVersion.indexOf("/");
  const [group, version] = [apiVersion.slice(0, Math.max(0, slash)), apiVersion.slice(slash + 1)];
  return schema.typeNameOf({ group, version, kind }) === type;
}

function asKind(
  value: unknown,
  { schema, expected }: Pick<CheckOptions, "schema" | "expected">,
): KubeObject {
  if (!isTree(value)) throw badRequest("the body of the request is not an object");
  const { kind, apiVersion, metadata } = value;
  const wanted = apiVersionOf(expected);
  const typeName = schema.typeNameOf(expected);
  const isExpected =
    (kind === expected.kind && apiVersion === wanted) ||
    (typeName !== undefined && isOfType(value, schema, typeName));
  if (isExpected) return { ...value, metadata: isTree(metadata) ? metadata : {} } as KubeObject; // Held against its type above.
  if (kind === expected.kind) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${wanted})`,
    );
  }
  const version = String(apiVersion).split("/").at(-1);
  throw badRequest(
    `${String(kind)} in version "${version}" cannot be handled as a ${expected.kind}: got ${String(apiVersion)} ${String(kind)}, expected ${wanted} ${expected.kind}`,
  );
}
