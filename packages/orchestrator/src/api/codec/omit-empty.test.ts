import { describe, expect, it } from "vitest";
import { loadSchema } from "../../schema-facts.js";
import { omitEmpty } from "./omit-empty.js";

const schema = loadSchema();
const POD = "io.k8s.api.core.v1.Pod";

const strip = (type: string, object: object): unknown =>
  omitEmpty<object>(schema, `io.k8s.api.${type}`, object);

describe("omitEmpty()", () => {
  it("drops zeros that Go cannot tell from absent ones", () => {
    const container = { name: "c", image: "x", tty: false, workingDir: "", ports: [], env: [] };
    const spec = { containers: [container], hostNetwork: false, nodeSelector: {} };
    const metadata = { name: "p", labels: {}, generation: 0, ownerReferences: [] };
    expect(strip("core.v1.Pod", { metadata, spec })).toEqual({
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "x" }] },
    });
  });

  it("keeps zeros of pointers, required fields and empty messages", () => {
    const deployment = { spec: { replicas: 0, selector: {}, template: { spec: {} } } };
    expect(strip("apps.v1.Deployment", deployment)).toEqual(deployment);
    const pod = {
      spec: {
        containers: [{ name: "", securityContext: { privileged: false, runAsUser: 0 } }],
        terminationGracePeriodSeconds: 0,
        volumes: [{ name: "v", emptyDir: {} }],
      },
      status: { containerStatuses: [{ name: "c", ready: false, restartCount: 0, started: false }] },
    };
    expect(strip("core.v1.Pod", pod)).toMatchObject({ spec: pod.spec, status: pod.status });
    const slice = { addressType: "IPv4", endpoints: [], ports: [{ name: "", port: 80 }] };
    expect(strip("discovery.v1.EndpointSlice", slice)).toEqual(slice);
  });

  it("keeps a maxSurge or maxUnavailable of 0, which is not the default of 25 %", () => {
    const rollingUpdate = { maxSurge: 0, maxUnavailable: 0 };
    const deployment = { spec: { selector: {}, strategy: { rollingUpdate }, template: {} } };
    expect(strip("apps.v1.Deployment", deployment)).toEqual(deployment);
  });

  it("keeps what stands in maps, however empty", () => {
    const map = { metadata: { name: "m", annotations: { note: "" } }, data: { "no-text": "" } };
    expect(strip("core.v1.ConfigMap", map)).toBe(map);
  });

  it("returns the same object where nothing goes, and its same parts elsewhere", () => {
    const pod = { metadata: { name: "p", labels: {} }, spec: { containers: [{ name: "c" }] } };
    const stripped = omitEmpty(schema, POD, pod);
    expect(stripped.spec).toBe(pod.spec);
    expect(omitEmpty(schema, POD, stripped)).toBe(stripped);
  });
});
