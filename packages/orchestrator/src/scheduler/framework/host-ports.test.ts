import { describe, expect, it } from "vitest";
import type { ContainerPort } from "../../api/gen/core-v1.js";
import { containerOf, podOf } from "../testing/cluster-objects.js";
import { hostPortsOf, portsConflict } from "./host-ports.js";

const withPorts = (...ports: ContainerPort[]): ReturnType<typeof containerOf> =>
  containerOf(undefined, { ports });

describe("hostPortsOf()", () => {
  it("leaves out ports that are not the host's", () => {
    const containers = [withPorts({ containerPort: 80 }, { containerPort: 81, hostPort: 8081 })];
    expect(hostPortsOf(podOf("pod", { spec: { containers } }))).toEqual([
      { ip: "0.0.0.0", protocol: "TCP", port: 8081 },
    ]);
  });

  it("counts sidecars but no init containers that are over", () => {
    const initContainers = [
      withPorts({ containerPort: 1, hostPort: 1 }),
      { ...withPorts({ containerPort: 2, hostPort: 2, protocol: "UDP" }), restartPolicy: "Always" },
    ];
    expect(hostPortsOf(podOf("pod", { spec: { initContainers } }))).toEqual([
      { ip: "0.0.0.0", protocol: "UDP", port: 2 },
    ]);
  });
});

describe("portsConflict()", () => {
  const port = { ip: "127.0.0.1", protocol: "TCP", port: 80 };
  it.each([
    ["the same", port, true],
    ["another port", { ...port, port: 81 }, false],
    ["another protocol", { ...port, protocol: "UDP" }, false],
    ["another address", { ...port, ip: "127.0.0.2" }, false],
    ["any address", { ...port, ip: "0.0.0.0" }, true],
  ])("portsConflict() judges %s", (_, other, expected) => {
    expect(portsConflict(port, other)).toBe(expected);
    expect(portsConflict(other, port)).toBe(expected);
  });
});
