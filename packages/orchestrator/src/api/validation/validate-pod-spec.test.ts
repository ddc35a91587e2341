import { describe, expect, it } from "vitest";
import type { Deployment } from "../gen/apps-v1.js";
import type { Pod } from "../gen/core-v1.js";
import { validateCreate } from "./validate-kind.js";

const MAIN = { name: "main", image: "none" };

function faultsOf(spec: Partial<NonNullable<Pod["spec"]>>): string[] {
  const metadata = { name: "p", namespace: "default" };
  const pod: Pod = { metadata, spec: { containers: [MAIN], ...spec } };
  const causes = validateCreate({ qualified: "pods", namespaced: true }, pod);
  return causes.map(({ field, message }) => `${field}: ${message}`);
}

describe("validateCreate() of a pod refuses", () => {
  it.each([
    [
      { tolerations: [{ key: "a", operator: "Like" }] },
      'spec.tolerations[0].operator: Unsupported value: "Like": supported values: "Equal", "Exists"',
    ],
    [
      { tolerations: [{ key: "a", operator: "Exists", tolerationSeconds: 1 }] },
      "spec.tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set",
    ],
    [
      { containers: [{ ...MAIN, env: [{ name: "A", valueFrom: {} }] }] },
      'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
    ],
    [
      {
        containers: [
          { ...MAIN, env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }] },
        ],
      },
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.x": error converting fieldPath: field label not supported: spec.x',
    ],
    [
      {
        hostNetwork: true,
        containers: [{ ...MAIN, ports: [{ containerPort: 80, hostPort: 81 }] }],
      },
      "spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true",
    ],
    [
      { nodeName: "No_Node" },
      "spec.nodeName: Invalid value: \"No_Node\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ])("%j", (spec, why) => {
    expect(faultsOf(spec)).toEqual([why]);
  });

  it("nothing of what the API server's own defaults add", () => {
    const operator = "Exists";
    const key = "node.kubernetes.io/not-ready";
    const tolerations = [{ key, operator, effect: "NoExecute", tolerationSeconds: 300 }];
    expect(faultsOf({ tolerations: [...tolerations, { operator }] })).toEqual([]);
  });
});

describe("validateCreate() of a Deployment refuses", () => {
  const labels = { app: "x" };
  const template = { metadata: { labels }, spec: { containers: [MAIN] } };
  const faults = (spec: Deployment["spec"] | object): string[] => {
    const metadata = { name: "d", namespace: "default" };
    const deployment = { metadata, spec } as Deployment; // Also those without what is required.
    return validateCreate({ qualified: "deployments.apps", namespaced: true }, deployment).map(
      ({ field, message }) => `${field}: ${message}`,
    );
  };
  const rolled = (strategy: object): object => ({
    selector: { matchLabels: labels },
    template,
    strategy,
  });

  it("one that says nothing, in Kubernetes' three sentences", () => {
    expect(faults({})).toEqual([
      "spec.selector: Required value",
      "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
      "spec.template.spec.containers: Required value",
    ]);
  });

  it("a rollout that could never move, and one of no known form", () => {
    expect(faults(rolled({ rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } }))).toEqual([
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ]);
    expect(faults(rolled({ type: "Recreate", rollingUpdate: { maxSurge: 1 } }))).toEqual([
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ]);
    expect(faults(rolled({ rollingUpdate: { maxSurge: 1, maxUnavailable: "101%" } }))).toEqual([
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ]);
  });
});
