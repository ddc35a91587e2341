/** The Node object that this agent registers and keeps up to date: pure functions of facts. */
import type { Node, NodeCondition } from "../api/gen/core-v1.js";
import { timeText } from "../api/meta/time-text.js";

export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  /** Of the agent's HTTPS server (logs). */
  readonly port: number;
  readonly podCidr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly maxPods: number;
  readonly system: {
    readonly machineId: string;
    readonly systemUuid: string;
    readonly bootId: string;
    readonly kernelVersion: string;
    readonly osImage: string;
    readonly operatingSystem: string;
    readonly architecture: string;
    readonly runtimeVersion: string;
    readonly agentVersion: string;
  };
}

export function nodeObject(facts: NodeFacts): Node {
  const { name, system } = facts;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "beta.kubernetes.io/arch": system.architecture,
        "beta.kubernetes.io/os": system.operatingSystem,
        "kubernetes.io/arch": system.architecture,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": system.operatingSystem,
        ...facts.labels,
      },
    },
    spec: { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] },
  };
}

export function nodeStatus(
  facts: NodeFacts,
  before: readonly NodeCondition[],
  nowMs: number,
): NonNullable<Node["status"]> {
  const resources = {
    cpu: String(facts.cpus),
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    pods: String(facts.maxPods),
  };
  const { system } = facts;
  return {
    capacity: resources,
    allocatable: resources,
    conditions: nodeConditions(before, nowMs),
    addresses: [
      { type: "InternalIP", address: facts.address },
      { type: "Hostname", address: facts.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: {
      machineID: system.machineId,
      systemUUID: system.systemUuid,
      bootID: system.bootId,
      kernelVersion: system.kernelVersion,
      osImage: system.osImage,
      operatingSystem: system.operatingSystem,
      architecture: system.architecture,
      containerRuntimeVersion: system.runtimeVersion,
      kubeletVersion: `v1.35.0+sagong.${system.agentVersion}`,
      kubeProxyVersion: "", // There is none, and Kubernetes no longer fills this in (KEP-4004).
    },
  };
}

/** Pressure is not measured yet, so the pressure conditions say "sufficient" by not being there. */
function nodeConditions(before: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const now = timeText(nowMs);
  const ready = {
    type: "Ready",
    status: "True",
    reason: "KubeletReady",
    message: "the node agent is posting ready status",
  };
  const old = before.find(({ type }) => type === "Ready");
  const changedAt = old?.status === "True" ? (old.lastTransitionTime ?? now) : now;
  return [
    { ...ready, lastHeartbeatTime: now, lastTransitionTime: changedAt },
    ...before.filter(({ type }) => type !== "Ready"),
  ];
}
