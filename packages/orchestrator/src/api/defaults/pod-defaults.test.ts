import { describe, expect, it } from "vitest";
import type { Deployment } from "../gen/apps-v1.js";
import type { Pod } from "../gen/core-v1.js";
import { applyDefaults } from "./kind-defaults.js";

const limits = { cpu: "100m", memory: "1Gi" };
const spec = { containers: [{ name: "c", resources: { limits, requests: { cpu: "50m" } } }] };

describe("applyDefaults()", () => {
  it("takes a pod's requests from its limits, but not a template's", () => {
    const pod: Pod = { metadata: { name: "x" }, spec };
    const requests = { cpu: "50m", memory: "1Gi" };
    expect(applyDefaults("pods", pod)).toMatchObject({
      spec: { containers: [{ resources: { limits, requests } }] },
    });
    const deployment: Deployment = {
      metadata: { name: "x" },
      spec: { selector: {}, template: { spec } },
    };
    expect(applyDefaults("deployments.apps", deployment)).toMatchObject({
      spec: { template: { spec: { containers: [{ resources: { requests: { cpu: "50m" } } }] } } },
    });
  });
});
