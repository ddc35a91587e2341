import { describe, expect, it } from "vitest";
import type { ConfigMap, Container, EnvVarSource, Secret } from "../../api/gen/core-v1.js";
import { containerEnvironment, type EnvironmentInput } from "./container-environment.js";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function environment(
  container: Partial<Container>,
  more: Partial<EnvironmentInput> = {},
): Record<string, string> {
  const variables = containerEnvironment({
    pod: {
      metadata: { namespace: "ns", name: "p", labels: { b: "2", a: "1" }, annotations: { k: "v" } },
      spec: { nodeName: "n", containers: [] },
    },
    container: { name: "c", ...container },
    podIp: "127.64.0.1",
    hostIp: "127.0.0.1",
    base: { PATH: "/bin" },
    configMaps: new Map<string, ConfigMap>([
      ["cm", { metadata: {}, data: { one: "1", two: "2" } }],
    ]),
    secrets: new Map<string, Secret>([["s", { metadata: {}, data: { three: base64("3") } }]]),
    ...more,
  });
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

const from = (valueFrom: EnvVarSource, container: Partial<Container> = {}): string | undefined =>
  environment({ ...container, env: [{ name: "X", valueFrom }] })["X"];

describe("containerEnvironment()", () => {
  it("takes what is given last: base, then envFrom in order, then env", () => {
    const envFrom = [{ configMapRef: { name: "cm" } }, { prefix: "S_", secretRef: { name: "s" } }];
    expect(environment({ envFrom, env: [{ name: "one", value: "mine" }] })).toEqual({
      PATH: "/bin",
      one: "mine",
      two: "2",
      S_three: "3",
    });
  });

  it("expands references to what stands before, and to nothing that comes after", () => {
    const env = [
      { name: "A", value: "$(PATH)/$(B)" },
      { name: "B", value: "$(A) $$(A)" },
    ];
    expect(environment({ env })).toMatchObject({ A: "/bin/$(B)", B: "/bin/$(B) $(A)" });
  });

  it.each<[string, string]>([
    ["metadata.name", "p"],
    ["metadata.namespace", "ns"],
    ["metadata.labels['a']", "1"],
    ["metadata.annotations['absent']", ""],
    ["metadata.labels", 'a="1"\nb="2"\n'],
    ["spec.nodeName", "n"],
    ["status.podIP", "127.64.0.1"],
    ["status.hostIP", "127.0.0.1"],
  ])("gives the field %s", (fieldPath, value) => {
    expect(from({ fieldRef: { fieldPath } })).toBe(value);
  });

  it.each<[string, string | undefined, string]>([
    ["limits.cpu", undefined, "2"],
    ["limits.cpu", "1m", "1500"],
    ["requests.memory", undefined, "67108864"],
    ["requests.memory", "1Mi", "64"],
    ["limits.example.com/gpu", undefined, "3"],
  ])("gives the resource %s by %s, rounded up", (resource, divisor, value) => {
    const resources = {
      limits: { cpu: "1500m", "example.com/gpu": "3" },
      requests: { memory: "64Mi" },
    };
    const resourceFieldRef = divisor === undefined ? { resource } : { resource, divisor };
    expect(from({ resourceFieldRef }, { resources })).toBe(value);
  });

  it("leaves out what is optional and not there", () => {
    expect(from({ configMapKeyRef: { name: "no", key: "k", optional: true } })).toBeUndefined();
    expect(from({ secretKeyRef: { name: "s", key: "no", optional: true } })).toBeUndefined();
    expect(environment({ envFrom: [{ secretRef: { name: "no", optional: true } }] })).toEqual({
      PATH: "/bin",
    });
  });

  it.each<[EnvVarSource, string]>([
    [{ configMapKeyRef: { name: "no", key: "k" } }, 'configmap "no" not found'],
    [{ secretKeyRef: { name: "s", key: "no" } }, "couldn't find key no in Secret ns/s"],
    [{ fieldRef: { fieldPath: "spec.no" } }, "unsupported fieldPath: spec.no"],
    [{ resourceFieldRef: { resource: "limits.cpu" } }, "container has no limits.cpu to refer to"],
    [{}, "unsupported valueFrom"],
  ])("refuses %j", (source, message) => {
    expect(() => from(source)).toThrow(message);
  });
});
