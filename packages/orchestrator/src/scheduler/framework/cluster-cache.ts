/**
 * All nodes with their pods, those included that were given a node but whose binding is not seen
 * yet (assumed): the next decision must count with them. A change touches the one node that it is
 * about, so that deciding needs no copy of the cluster. Pure.
 *
 * CC1 a pod is on one node at most; what the API server says replaces what was assumed.
 * CC2 a node's sums are those of the pods that are counted on it.
 */
import type { Node, Pod } from "../../api/gen/core-v1.js";
import { NodeInfo } from "./node-info.js";
import type { CandidateNode } from "./plugin.js";
import { type PodInfo, podInfoOf, podKey } from "./pod-info.js";

interface Place {
  readonly nodeName: string;
  readonly info: PodInfo;
}

export class ClusterCache {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #places = new Map<string, Place>();
  /** Those that exist, in order of arrival; undefined where it must be made anew. */
  #candidates: readonly CandidateNode[] | undefined;

  /** Nodes that exist. */
  nodes(): readonly CandidateNode[] {
    this.#candidates ??= [...this.#nodes.values()].filter(isCandidate);
    return this.#candidates;
  }

  setNode(name: string, node: Node | undefined): void {
    const info = this.#info(name);
    if ((info.node === undefined) !== (node === undefined)) this.#candidates = undefined;
    info.node = node;
    this.#tidy(name);
  }

  /** A pod with a node, bound or assumed to be. */
  setPod(pod: Pod, nodeName: string): void {
    const key = podKey(pod);
    const place = this.#places.get(key);
    // Most changes of a pod are its status, which does not count here.
    const isSame = place?.nodeName === nodeName && hasSameSpec(place.info.pod, pod);
    if (!isSame) this.removePod(key);
    const info = isSame ? place.info : podInfoOf(pod);
    this.#places.set(key, { nodeName, info });
    if (!isSame) this.#info(nodeName).add(info);
  }

  removePod(key: string): void {
    const place = this.#places.get(key);
    if (!place) return;
    this.#places.delete(key);
    this.#nodes.get(place.nodeName)?.remove(key);
    this.#tidy(place.nodeName);
  }

  hasPod(key: string): boolean {
    return this.#places.has(key);
  }

  #info(name: string): NodeInfo {
    const known = this.#nodes.get(name);
    if (known) return known;
    const info = new NodeInfo();
    this.#nodes.set(name, info);
    return info;
  }

  /** A node that is gone is forgotten with its last pod. */
  #tidy(name: string): void {
    const info = this.#nodes.get(name);
    if (info && info.node === undefined && info.podCount === 0) this.#nodes.delete(name);
  }
}

function isCandidate(info: NodeInfo): info is CandidateNode {
  return info.node !== undefined;
}

/** The generation counts a spec's changes. */
function hasSameSpec(a: Pod, b: Pod): boolean {
  const { generation } = a.metadata;
  return a.spec === b.spec || (generation !== undefined && generation === b.metadata.generation);
}
