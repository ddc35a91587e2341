/** Nodes and pods as tests of the scheduler need them: only what they are about is given. */
import type { Container, Node, NodeSpec, Pod, PodSpec } from "../../api/gen/core-v1.js";
import { NodeInfo } from "../framework/node-info.js";
import type { CandidateNode, FilterPlugin, Refusal } from "../framework/plugin.js";
import { type PodInfo, podInfoOf } from "../framework/pod-info.js";

type Texts = Readonly<Record<string, string>>;

export interface NodeParts {
  readonly labels?: Texts;
  readonly allocatable?: Texts;
  readonly spec?: NodeSpec;
}

export interface PodParts {
  readonly labels?: Texts;
  readonly requests?: Texts;
  readonly spec?: Partial<PodSpec>;
}

const ROOM: Texts = { cpu: "4", memory: "8Gi", "ephemeral-storage": "100Gi", pods: "110" };

/** Has 4 CPUs, 8 GiB and room for 110 pods unless told otherwise. */
export function nodeOf(name: string, { labels, allocatable = ROOM, spec }: NodeParts = {}): Node {
  return { metadata: { name, uid: `uid-of-${name}`, labels }, spec, status: { allocatable } };
}

/** Has one container, in the namespace `default`. */
export function podOf(name: string, { labels, requests, spec }: PodParts = {}): Pod {
  return {
    metadata: { name, namespace: "default", uid: `uid-of-${name}`, labels, generation: 1 },
    spec: { containers: [containerOf(requests)], ...spec },
  };
}

export function containerOf(requests?: Texts, parts: Partial<Container> = {}): Container {
  return { name: "main", image: "a", ...(requests ? { resources: { requests } } : {}), ...parts };
}

/** A node on which `pods` run. */
export function nodeInfoOf(node: Node, pods: readonly Pod[] = []): CandidateNode {
  const info = new NodeInfo();
  info.node = node;
  for (const pod of pods) info.add(podInfoOf(pod));
  return info as CandidateNode; // It was given its node two lines above.
}

/** What a plugin says of a pod on a node; undefined where it fits. */
export function refusalBy(
  plugin: FilterPlugin,
  pod: Pod,
  node: CandidateNode,
): Refusal | undefined {
  return plugin.filter(podInfo(pod))?.(node);
}

export function podInfo(pod: Pod): PodInfo {
  return podInfoOf(pod);
}
