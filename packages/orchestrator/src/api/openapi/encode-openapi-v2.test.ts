import { decodeUtf8 } from "@sagong/base";
import { Reader } from "@sagong/rpc/message";
import { describe, expect, it } from "vitest";
import { loadSchema } from "../../schema-facts.js";
import { servedResources } from "../schema/served.js";
import { encodeOpenApiV2 } from "./encode-openapi-v2.js";
import { openApiV2 } from "./openapi-v2.js";
import type { Document } from "./type-documents.js";

/** The values of one field of a message, by its number in OpenAPIv2.proto. */
function valuesOf(bytes: Uint8Array, field: number): Uint8Array[] {
  const reader = new Reader(bytes);
  const values: Uint8Array[] = [];
  while (reader.remaining > 0) {
    const tag = reader.tag();
    if (tag === ((field << 3) | 2)) values.push(reader.bytes());
    else reader.skip(tag);
  }
  return values;
}

/** Along the path of field numbers, each time the first. */
function first(bytes: Uint8Array | undefined, ...path: number[]): Uint8Array {
  let at = bytes ?? new Uint8Array();
  for (const field of path) at = valuesOf(at, field)[0] ?? new Uint8Array();
  return at;
}

const textOf = (bytes: Uint8Array | undefined): string => decodeUtf8(bytes ?? new Uint8Array());

/** `additional_properties` of Definitions and Properties: by name. */
function named(bytes: Uint8Array, field = 1): Map<string, Uint8Array> {
  return new Map(
    valuesOf(bytes, field).map((pair) => [textOf(first(pair, 1)), first(pair, 2)] as const),
  );
}

describe("encodeOpenApiV2()", () => {
  const schema = loadSchema();
  const document = openApiV2(schema, servedResources(schema));
  const bytes = encodeOpenApiV2(document);
  const definitions = named(first(bytes, 9));

  it("holds every definition and path of the document", () => {
    expect(textOf(first(bytes, 1))).toBe("2.0");
    const names = (part: string): string[] => Object.keys(document[part] as Document); // An object.
    expect([...definitions.keys()]).toEqual(names("definitions"));
    expect([...named(first(bytes, 8), 2).keys()]).toEqual(names("paths"));
  });

  it("writes references, types and lists in the messages that have them", () => {
    const deployment = named(first(definitions.get("io.k8s.api.apps.v1.Deployment"), 25));
    expect(textOf(first(deployment.get("spec"), 1))).toBe(
      "#/definitions/io.k8s.api.apps.v1.DeploymentSpec",
    );
    expect(textOf(first(deployment.get("kind"), 22, 1))).toBe("string");
    const spec = named(first(definitions.get("io.k8s.api.core.v1.PodSpec"), 25));
    expect(textOf(first(spec.get("containers"), 23, 1, 1))).toBe(
      "#/definitions/io.k8s.api.core.v1.Container",
    );
    expect(textOf(first(spec.get("nodeSelector"), 21, 1, 22, 1))).toBe("string");
  });

  it("writes extensions as YAML, on types and on operations", () => {
    const pod = definitions.get("io.k8s.api.core.v1.Pod");
    expect(textOf(first(pod, 31, 1))).toBe("x-kubernetes-group-version-kind");
    const gvk = { group: "", version: "v1", kind: "Pod" };
    expect(JSON.parse(textOf(first(pod, 31, 2, 2)))).toEqual([gvk]);
    const paths = named(first(bytes, 8), 2);
    const patch = first(paths.get("/api/v1/namespaces/{namespace}/pods/{name}"), 8);
    const extensions = valuesOf(patch, 13).map((one) => textOf(first(one, 2, 2)));
    expect(extensions).toContain(JSON.stringify(gvk));
    const queries = valuesOf(patch, 8).map((one) => textOf(first(one, 1, 2, 3, 4)));
    expect(queries).toContain("fieldValidation");
  });

  it("refuses a field that it has no message for", () => {
    expect(() => encodeOpenApiV2({ swagger: "2.0", host: "x" })).toThrow(
      "Cannot encode the field host: expected one of OpenAPI v2's",
    );
  });
});
