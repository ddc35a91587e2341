/** A request's body as an object of the kind that is expected, strictly checked. */
import type { IncomingMessage } from "node:http";
import { parse } from "yaml";
import { ApiError, badRequest } from "../api/api-status.js";
import { checkFields } from "../api/codec/check-fields.js";
import { decodeProtobuf } from "../api/codec/decode-protobuf.js";
import { apiVersionOf, type KubeObject } from "../api/resource.js";
import { isTree } from "../api/patch/json-tree.js";
import type { Schema } from "../api/schema/schema.js";

/** apiserver's limit of a request's body. */
export const MAX_BODY_BYTES = 3_145_728;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer: Buffer = chunk;
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) {
      throw new ApiError(
        "RequestEntityTooLarge",
        `Request entity too large: limit is ${MAX_BODY_BYTES}`,
      );
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

export interface ExpectedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface DecodedBody {
  readonly object: KubeObject;
  /** For `Warning` headers: unknown fields under fieldValidation=Warn. */
  readonly warnings: readonly string[];
}

export interface DecodeOptions {
  readonly schema: Schema;
  readonly contentType: string | undefined;
  readonly fieldValidation: string | undefined;
  readonly expected: ExpectedKind;
}

/** Throws `ApiError`. */
export function decodeBody(body: Buffer, options: DecodeOptions): DecodedBody {
  const { contentType = "application/json", schema } = options;
  const media = contentType.split(";")[0]?.trim();
  switch (media) {
    case "application/vnd.kubernetes.protobuf": {
      const { value } = decodeProtobuf(schema, body);
      return { object: asKind(value, options.expected), warnings: [] };
    }
    case "application/json":
      return checkTree(parseJson(body.toString("utf8")), options);
    case "application/yaml":
    case "application/x-yaml":
      return checkTree(parseYaml(body.toString("utf8")), options);
    default:
      throw new ApiError(
        "UnsupportedMediaType",
        `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
      );
  }
}

/** Holds a tree against the expected kind, as a body or as the result of a patch. */
export function checkTree(
  tree: unknown,
  { schema, fieldValidation, expected }: Omit<DecodeOptions, "contentType">,
): DecodedBody {
  if (!isTree(tree)) throw badRequest("the body of the request is not an object");
  const named = {
    ...tree,
    kind: tree["kind"] ?? expected.kind,
    apiVersion: tree["apiVersion"] ?? apiVersionOf(expected),
  };
  const typeName = schema.typeNameOf(expected);
  if (typeName === undefined) return { object: asKind(named, expected), warnings: [] };
  const { unknown, value } = checkFields(schema, typeName, named);
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (texts.length > 0 && fieldValidation === "Strict") {
    throw badRequest(
      `${expected.kind} in version "${expected.version}" cannot be handled as a ${expected.kind}: strict decoding error: ${texts.join(", ")}`,
    );
  }
  return { object: asKind(value, expected), warnings: fieldValidation === "Ignore" ? [] : texts };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(
      `the body of the request is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

export function parseYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw badRequest(
      `the body of the request is not YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function asKind(value: unknown, expected: ExpectedKind): KubeObject {
  if (!isTree(value)) throw badRequest("the body of the request is not an object");
  const { kind, apiVersion, metadata } = value;
  const wanted = apiVersionOf(expected);
  if (kind !== expected.kind || apiVersion !== wanted) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): got ${JSON.stringify(apiVersion)} ${JSON.stringify(kind)}, expected "${wanted}" "${expected.kind}"`,
    );
  }
  return { ...value, metadata: isTree(metadata) ? metadata : {} } as KubeObject; // Held against its type above.
}
