/**
 * All nodes with their pods, those included that were given a node but whose binding is not seen
 * yet (assumed): the next decision must count with them.
 *
 * CC1 a pod is on one node at most; what the API server says replaces what was assumed.
 */
import type { Node, Pod } from "../../api/gen/core-v1.js";
import { keyOf, keyText } from "../../api/resource.js";
import { NodeInfo } from "./node-info.js";

export class ClusterCache {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Pod key → the node it is counted on. */
  readonly #places = new Map<string, string>();

  /** Nodes that exist, by name. */
  nodes(): NodeInfo[] {
    return [...this.#nodes.values()].filter(({ node }) => node !== undefined);
  }

  setNode(name: string, node: Node | undefined): void {
    this.#info(name).node = node;
    this.#tidy(name);
  }

  /** A pod with a node, bound or assumed to be. */
  setPod(pod: Pod, nodeName: string): void {
    const key = keyText(keyOf(pod));
    if (this.#places.get(key) !== nodeName) this.removePod(key);
    this.#places.set(key, nodeName);
    this.#info(nodeName).add(key, pod);
  }

  removePod(key: string): void {
    const name = this.#places.get(key);
    if (name === undefined) return;
    this.#places.delete(key);
    this.#nodes.get(name)?.remove(key);
    this.#tidy(name);
  }

  hasPod(key: string): boolean {
    return this.#places.has(key);
  }

  #info(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (!info) {
      info = new NodeInfo();
      this.#nodes.set(name, info);
    }
    return info;
  }

  #tidy(name: string): void {
    const info = this.#nodes.get(name);
    if (info && info.node === undefined && info.podCount === 0) this.#nodes.delete(name);
  }
}
