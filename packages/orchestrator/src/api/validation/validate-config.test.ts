import { describe, expect, it } from "vitest";
import type { ConfigMap, Secret } from "../gen/core-v1.js";
import type { KubeObject } from "../resource.js";
import { validateCreate, validateUpdate } from "./validate-kind.js";

const metadata = { name: "x", namespace: "default" };
const STAYS = "Forbidden: field is immutable when `immutable` is set";

function refusals(qualified: string, now: KubeObject, before?: KubeObject): string[] {
  const resource = { qualified, namespaced: true };
  const causes = before ? validateUpdate(resource, now, before) : validateCreate(resource, now);
  return causes.map(({ field, message }) => `${field}: ${message}`);
}

const secret = (more: Partial<Secret>): Secret => ({ metadata, type: "Opaque", ...more });

describe("a secret", () => {
  it.each([
    ["kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
    ["kubernetes.io/ssh-auth", ["data[ssh-privatekey]: Required value"]],
    ["kubernetes.io/dockercfg", ["data[.dockercfg]: Required value"]],
    ["kubernetes.io/dockerconfigjson", ["data[.dockerconfigjson]: Required value"]],
    [
      "kubernetes.io/basic-auth",
      ["data[username]: Required value", "data[password]: Required value"],
    ],
    [
      "kubernetes.io/service-account-token",
      ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ],
    ["example.com/own", []],
  ])("of type %s has what that type asks for", (type, faults) => {
    expect(refusals("secrets", secret({ type, data: { other: "eA==" } }))).toEqual(faults);
  });

  it("of a registry's credentials is JSON, which no message shows", () => {
    const type = "kubernetes.io/dockerconfigjson";
    const data = { ".dockerconfigjson": Buffer.from("{oh").toString("base64") };
    expect(refusals("secrets", secret({ type, data }))).toEqual([
      'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": expected JSON',
    ]);
    const good = { ".dockerconfigjson": Buffer.from('{"auths":{}}').toString("base64") };
    expect(refusals("secrets", secret({ type, data: good }))).toEqual([]);
  });

  it("holds 1 MiB, counted as bytes and not as base64", () => {
    const of = (bytes: number) => secret({ data: { a: Buffer.alloc(bytes).toString("base64") } });
    expect(refusals("secrets", of(1024 * 1024))).toEqual([]);
    expect(refusals("secrets", of(1024 * 1024 + 1))).toEqual([
      "data: Too long: may not be more than 1048576 bytes",
    ]);
  });

  it("that is immutable stays, and stays immutable", () => {
    const before = secret({ immutable: true, data: { a: "eA==" } });
    expect(refusals("secrets", secret({ data: { a: "eQ==" } }), before)).toEqual([
      `immutable: ${STAYS}`,
      `data: ${STAYS}`,
    ]);
    const labelled = { ...before, metadata: { ...metadata, labels: { a: "b" } } };
    expect(refusals("secrets", labelled, before)).toEqual([]);
  });
});

describe("a config map", () => {
  const map = (more: Partial<ConfigMap>): ConfigMap => ({ metadata, ...more });

  it("that is immutable stays, and stays immutable", () => {
    const before = map({ immutable: true, data: { a: "b" } });
    expect(refusals("configmaps", map({ data: { a: "b" } }), before)).toEqual([
      `immutable: ${STAYS}`,
    ]);
    const changed = map({ immutable: true, data: { a: "c" }, binaryData: { b: "eA==" } });
    expect(refusals("configmaps", changed, before)).toEqual([
      `data: ${STAYS}`,
      `binaryData: ${STAYS}`,
    ]);
  });

  it("has each key once", () => {
    const both = map({ data: { a: "b" }, binaryData: { a: "eA==" } });
    expect(refusals("configmaps", both)).toEqual([
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ]);
  });
});
