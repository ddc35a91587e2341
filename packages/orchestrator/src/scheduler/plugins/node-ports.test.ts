import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/gen/core-v1.js";
import { containerOf, nodeInfoOf, nodeOf, podOf, refusalBy } from "../testing/cluster-objects.js";
import { nodePorts } from "./node-ports.js";

/** `TCP/127.0.0.1/8080`, as in kube-scheduler's own tests. */
function pod(name: string, ...ports: string[]): Pod {
  const parsed = ports.map((text) => {
    const [protocol = "", hostIP = "", port = ""] = text.split("/");
    return { protocol, hostIP, hostPort: Number(port), containerPort: 1 };
  });
  return podOf(name, { spec: { containers: [containerOf(undefined, { ports: parsed })] } });
}

// From kube-scheduler's TestNodePorts.
describe("NodePorts", () => {
  it.each([
    ["nothing", [], ["TCP/127.0.0.1/8080"], true],
    ["another port", ["UDP/127.0.0.1/8080"], ["UDP/127.0.0.1/9090"], true],
    ["the same port", ["UDP/127.0.0.1/8080"], ["UDP/127.0.0.1/8080"], false],
    ["the same port of another address", ["TCP/127.0.0.1/8080"], ["TCP/127.0.0.2/8080"], true],
    ["the same port of another protocol", ["UDP/127.0.0.1/8080"], ["TCP/127.0.0.1/8080"], true],
    ["one of two", ["TCP/127.0.0.1/8001", "UDP/127.0.0.1/8080"], ["TCP/127.0.0.1/8001"], false],
    ["a port of all addresses", ["TCP/0.0.0.0/8001"], ["TCP/127.0.0.1/8001"], false],
    ["all addresses of a port", ["TCP/127.0.0.1/8001"], ["TCP/0.0.0.0/8001"], false],
    ["all addresses, another protocol", ["UDP/0.0.0.0/8001"], ["TCP/0.0.0.0/8001"], true],
  ])("filter() when a node has %s taken", (_, wanted, used, fits) => {
    const node = nodeInfoOf(nodeOf("a"), [pod("q", ...used)]);
    const refusal = {
      reasons: ["node(s) didn't have free ports for the requested pod ports"],
      resolvable: true,
    };
    expect(refusalBy(nodePorts, pod("p", ...wanted), node)).toEqual(fits ? undefined : refusal);
  });
});
