import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadSchema } from "../../schema-facts.js";
import { ApiError } from "../api-status.js";
import { decodeProtobuf } from "./decode-protobuf.js";

const schema = loadSchema();

/** What kubectl 1.35.2 sent to a server that wrote it down. */
const RECORDED = new URL("../../../test/testdata/kubectl-1.35.2-bodies.json", import.meta.url);
const bodies = Object.entries(
  JSON.parse(readFileSync(RECORDED, "utf8")) as Record<string, { readonly base64: string }>, // A file of ours.
).map(([name, { base64 }]) => [name, Buffer.from(base64, "base64")] as const);

function recorded(name: string): Buffer {
  const found = bodies.find(([one]) => one === name);
  if (!found) throw new Error(`nothing was recorded of ${name}`);
  return found[1];
}

describe("decodeProtobuf()", () => {
  it("gives the tree that the JSON of the object would", () => {
    expect(decodeProtobuf(schema, recorded("configmaps")).value).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "b" },
      data: { x: "漢", y: "" },
    });
    expect(decodeProtobuf(schema, recorded("deployments")).value).toMatchObject({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "q", labels: { app: "q" } },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: "q" } },
        template: {
          metadata: { labels: { app: "q" } },
          spec: {
            containers: [{ name: "nginx", image: "nginx", ports: [{ containerPort: 80 }] }],
          },
        },
      },
    });
    expect(decodeProtobuf(schema, recorded("secrets")).value).toMatchObject({
      data: { p: Buffer.from("w").toString("base64") },
    });
    expect(decodeProtobuf(schema, recorded("services")).value).toMatchObject({
      spec: { ports: [{ port: 80, targetPort: "http" }], type: "ClusterIP" },
    });
    expect(decodeProtobuf(schema, recorded("services-2")).value).toMatchObject({
      spec: { ports: [{ port: 80, targetPort: 8080 }], type: "NodePort" },
    });
  });

  it.each(bodies)("a damaged body of %s is decoded or refused, and nothing else", (_name, body) => {
    const damage = fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat(body.length), (changes, length) => {
        const damaged = Buffer.from(body);
        for (const [position, byte] of changes) damaged[position] = byte;
        try {
          decodeProtobuf(schema, damaged.subarray(0, length));
        } catch (error) {
          if (!(error instanceof ApiError && error.reason === "BadRequest")) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["a body without the prefix", Buffer.from("{}"), "does not begin with Kubernetes' prefix"],
    ["an unknown kind", envelope("v1", "Nothing", []), 'no kind "Nothing" is registered'],
    ["a field past its message's end", envelope("v1", "ConfigMap", [10, 90, 1]), "malformed at"],
    ["a wrong wire type", envelope("v1", "ConfigMap", [8, 1]), "wire type 0"],
    [
      "a map key that is none",
      envelope("v1", "ConfigMap", [18, 14, 10, 9, ...Buffer.from("__proto__"), 18, 1, 65]),
      "is not accepted",
    ],
    [
      "a truncated envelope",
      envelope("v1", "ConfigMap", []).subarray(0, 9),
      "envelope is malformed",
    ],
  ])("refuses %s", (_name, body, message) => {
    expect(() => decodeProtobuf(schema, body)).toThrow(message);
  });
});

function envelope(apiVersion: string, kind: string, raw: readonly number[]): Buffer {
  const text = (field: number, value: string): number[] => [
    field,
    value.length,
    ...Buffer.from(value),
  ];
  const meta = [...text(10, apiVersion), ...text(18, kind)];
  return Buffer.from([...Buffer.from("k8s\0"), 10, meta.length, ...meta, 18, raw.length, ...raw]);
}
