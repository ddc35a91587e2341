import { describe, expect, it } from "vitest";
import type { Container, PodSpec } from "../../api/gen/core-v1.js";
import { containerOf, podOf } from "../testing/cluster-objects.js";
import { podNonZeroRequests, podRequests } from "./pod-requests.js";

const MI = 1024 * 1024;

const init = (requests: Readonly<Record<string, string>>): Container =>
  containerOf(requests, { name: "init" });
const sidecar = (requests: Readonly<Record<string, string>>): Container =>
  containerOf(requests, { name: "sidecar", restartPolicy: "Always" });
const requestsOf = (spec: PodSpec): ReturnType<typeof podRequests> =>
  podRequests(podOf("pod", { spec }));

describe("podRequests()", () => {
  it("adds up containers", () => {
    const containers = [
      containerOf({ cpu: "1", memory: "1Mi" }),
      containerOf({ cpu: "500m", "example.com/gpu": "2" }),
    ];
    expect(requestsOf({ containers })).toEqual({
      cpu: 1500,
      memory: MI,
      "example.com/gpu": 2,
    });
  });

  // The example of computePodResourceRequest in kube-scheduler's fit.go.
  it("takes the largest init container where that is more, resource by resource", () => {
    const initContainers = [init({ cpu: "2", memory: "1Mi" }), init({ cpu: "2", memory: "3Mi" })];
    const containers = [
      containerOf({ cpu: "2", memory: "1Mi" }),
      containerOf({ cpu: "1", memory: "1Mi" }),
    ];
    expect(requestsOf({ initContainers, containers })).toEqual({ cpu: 3000, memory: 3 * MI });
  });

  it("adds sidecars to the containers, and to the init containers that come after them", () => {
    const initContainers = [
      init({ cpu: "1" }),
      sidecar({ cpu: "300m" }),
      init({ cpu: "2" }),
      sidecar({ cpu: "200m" }),
    ];
    // init: max(1000, 300, 300 + 2000, 500); running: 1000 + 500.
    expect(requestsOf({ initContainers, containers: [containerOf({ cpu: "1" })] })).toEqual({
      cpu: 2300,
    });
    // running: 3000 + 500.
    expect(requestsOf({ initContainers, containers: [containerOf({ cpu: "3" })] })).toEqual({
      cpu: 3500,
    });
  });

  it("adds the overhead", () => {
    const spec = { containers: [containerOf({ cpu: "1" })], overhead: { cpu: "250m" } };
    expect(requestsOf(spec)).toEqual({ cpu: 1250 });
  });

  it("takes a limit for the request when there is no request", () => {
    const resources = { limits: { cpu: "2", memory: "4Mi" }, requests: { cpu: "1" } };
    expect(requestsOf({ containers: [{ name: "main", image: "a", resources }] })).toEqual({
      cpu: 1000,
      memory: 4 * MI,
    });
  });

  it("takes what the whole pod asks for in place of what its containers do", () => {
    const containers = [containerOf({ cpu: "1", "example.com/gpu": "1" })];
    const resources = { requests: { cpu: "3", memory: "8Mi", "example.com/gpu": "5" } };
    expect(requestsOf({ containers, resources })).toEqual({
      cpu: 3000,
      memory: 8 * MI,
      "example.com/gpu": 1,
    });
  });

  it("takes the whole pod's limit only for what no container asks for", () => {
    const containers = [containerOf({ cpu: "1" })];
    const resources = { limits: { cpu: "4", memory: "8Mi" } };
    expect(requestsOf({ containers, resources })).toEqual({ cpu: 1000, memory: 8 * MI });
  });
});

describe("podNonZeroRequests()", () => {
  it("counts a little for each container that does not say", () => {
    const containers = [containerOf(), containerOf({ cpu: "1" }), containerOf({ memory: "1Mi" })];
    expect(podNonZeroRequests(podOf("pod", { spec: { containers } }))).toEqual({
      cpu: 100 + 1000 + 100,
      memory: 200 * MI + 200 * MI + MI,
    });
  });

  it("counts nothing where a container says that it asks for nothing", () => {
    const pod = podOf("pod", { requests: { cpu: "0", memory: "0" } });
    expect(podNonZeroRequests(pod)).toEqual({ cpu: 0, memory: 0 });
  });
});
