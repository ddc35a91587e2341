import type { Deployment, Pod, ReplicaSet } from "@sagong/orchestrator/api";
import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedWorld } from "../world/simulated-world.js";
import { RolloutChecker } from "./rollout-checker.js";
import { SimulatedProcess } from "./simulated-process.js";

let world: SimulatedWorld;
let checker: RolloutChecker;
let manager: SimulatedProcess;
let version = 0;

beforeEach(() => {
  world = new SimulatedWorld(1);
  checker = new RolloutChecker(world);
  manager = new SimulatedProcess(world, "controller-manager-0");
  version = 0;
});

const owned = (uid: string, kind: string) => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name: uid, uid, controller: true }],
});

function deployment(replicas: number, image = "v1"): Deployment {
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
  const template = { spec: { containers: [{ name: "c", image }] } };
  return {
    metadata: { name: "web", namespace: "default", uid: "web" },
    spec: { replicas, selector: {}, template, strategy: { type: "RollingUpdate", rollingUpdate } },
  };
}

function replicaSet(name: string, replicas: number, desired = 3): ReplicaSet {
  const annotations = { "deployment.kubernetes.io/desired-replicas": `${desired}` };
  const template = { spec: { containers: [{ name: "c", image: name }] } };
  return {
    metadata: { name, uid: name, annotations, ...owned("web", "Deployment") },
    spec: { replicas, selector: {}, template },
  };
}

function pod(name: string, of: string, isReady = true): Pod {
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  return {
    metadata: { name, uid: name, ...owned(of, "ReplicaSet") },
    spec: { nodeName: "n", containers: [] },
    status: { phase: "Running", conditions },
  };
}

function set(folder: string, after: Deployment | ReplicaSet | Pod, before?: typeof after): void {
  const key = `/${folder}/default/${after.metadata.name}`;
  checker.changed({ key, version: ++version, before, after });
}

/** The controller writes a size, having been shown all that there is. */
function size(name: string, to: number, from?: number): void {
  checker.asked(manager, from === undefined ? "create" : "change", `replicasets/${name}`);
  const before = from === undefined ? undefined : replicaSet(name, from);
  set("replicasets", replicaSet(name, to), before);
  checker.shown(manager, "replicasets", replicaSet(name, to));
}

function make(name: string, of: string, isReady = true): void {
  checker.asked(manager, "create", `pods/${of}`);
  set("pods", pod(name, of, isReady));
}

function take(name: string, of: string, isReady = true): void {
  checker.asked(manager, "delete", `pods/${name}`);
  const before = pod(name, of, isReady);
  const metadata = { ...before.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
  set("pods", { ...before, metadata }, before);
}

/** A Deployment of three, rolled out. */
function begin(): void {
  set("deployments", deployment(3));
  checker.shown(manager, "deployments", deployment(3));
  size("v1", 3);
  for (const name of ["a", "b", "c"]) make(name, "v1");
}

const found = (): string[] => checker.violations.map(({ guarantee }) => guarantee);

describe("RolloutChecker", () => {
  it("finds nothing wrong with a rollout within its bounds", () => {
    begin();
    size("v2", 1);
    make("d", "v2", false);
    size("v1", 2, 3);
    take("a", "v1");
    expect(found()).toEqual([]);
  });

  it("catches sizes beyond maxSurge", () => {
    begin();
    size("v2", 2);
    expect(found()).toEqual(["rollout-max-surge"]);
  });

  it("judges by the Deployment that the controller was shown, for as long as it may reason", async () => {
    begin();
    set("deployments", deployment(1), deployment(3));
    size("v2", 1);
    expect(found()).toEqual([]);
    checker.shown(manager, "deployments", deployment(1));
    await world.runUntil(11_000);
    size("v2", 2, 1);
    expect(found()).toEqual(["rollout-max-surge"]);
  });

  it("catches a pod beyond its replica set's size", () => {
    begin();
    make("d", "v1");
    expect(found()).toContain("rollout-expectations");
  });

  it("catches a pod that is taken away although the size asks for it", () => {
    begin();
    take("a", "v1");
    expect(found()).toEqual(["rollout-expectations"]);
  });

  it("catches available pods that are given up beyond maxUnavailable", () => {
    begin();
    size("v1", 1, 3);
    take("a", "v1");
    expect(found()).toEqual([]);
    take("b", "v1");
    expect(found()).toEqual(["rollout-max-unavailable"]);
  });

  it("lets pods that were lost by themselves count, for as long as nobody may know of it", async () => {
    begin();
    size("v1", 1, 3);
    set("pods", pod("c", "v1", false), pod("c", "v1"));
    take("a", "v1");
    expect(found()).toEqual([]);
    await world.runUntil(61_000);
    take("b", "v1");
    expect(found()).toContain("rollout-max-unavailable");
  });

  it("catches a second replica set of one template", () => {
    begin();
    const twin = replicaSet("v1", 0);
    set("replicasets", { ...twin, metadata: { ...twin.metadata, name: "twin", uid: "twin" } });
    expect(found()).toEqual(["rollout-one-replica-set"]);
  });

  it("catches a pod that gets a second node", () => {
    begin();
    const before = pod("a", "v1");
    set("pods", { ...before, spec: { nodeName: "other", containers: [] } }, before);
    expect(found()).toEqual(["pod-bound-once"]);
  });

  it("catches a replica set that grows beside pods of another where all must go first", () => {
    begin();
    const { metadata, spec } = deployment(3);
    const recreate: Deployment = {
      metadata,
      spec: { selector: {}, template: {}, ...spec, strategy: { type: "Recreate" } },
    };
    set("deployments", recreate, deployment(3));
    checker.shown(manager, "deployments", recreate);
    return world.runUntil(11_000).then(() => {
      size("v1", 0, 3);
      size("v2", 3);
      expect(found()).toEqual(["rollout-recreate"]);
    });
  });

  it("catches an event that tells of a change that was not made", () => {
    begin();
    const event = (message: string) => ({
      metadata: { name: message },
      reason: "ScalingReplicaSet",
      message,
      involvedObject: {},
    });
    const tell = (message: string): void =>
      checker.changed({
        key: "/events/default/e",
        version,
        before: undefined,
        after: event(message),
      });
    tell("Scaled up replica set v1 from 0 to 3");
    expect(found()).toEqual([]);
    tell("Scaled down replica set v1 from 3 to 2");
    expect(found()).toEqual(["rollout-events"]);
  });
});
