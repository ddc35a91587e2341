import type { Deployment } from "@sagong/orchestrator/api";
import { describe, expect, it } from "vitest";
import { boundsOf } from "./rollout-bounds.js";

type Amount = number | string | undefined;

function deployment(replicas: number, maxSurge: Amount, maxUnavailable: Amount): Deployment {
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
  return { metadata: {}, spec: { replicas, selector: {}, template: {}, strategy } };
}

describe("boundsOf()", () => {
  // The examples of the API's own documentation (apps/v1 RollingUpdateDeployment), and the edges.
  it.each<[number, Amount, Amount, number, number]>([
    [10, "30%", "30%", 13, 7],
    [10, 3, 0, 13, 10],
    [3, undefined, undefined, 4, 3],
    [7, "10%", "10%", 8, 7],
    [5, 0, "10%", 5, 4], // Both come to nothing: one may be unavailable.
    [5, 0, 0, 5, 4],
    [2, "50%", 5, 3, 0],
    [0, "50%", "50%", 0, 0],
    [100, "7%", "7%", 107, 93],
  ])(
    "of %i with surge %s and unavailable %s: %i and %i",
    (replicas, surge, unavailable, most, least) => {
      expect(boundsOf(deployment(replicas, surge, unavailable))).toEqual({ most, least });
    },
  );

  it("lets all pods of type Recreate go", () => {
    const spec = { replicas: 4, selector: {}, template: {}, strategy: { type: "Recreate" } };
    expect(boundsOf({ metadata: {}, spec })).toEqual({ most: 4, least: 0 });
  });
});
