/** One node as the plugins see it: the object, and the sums over the pods that it has. Pure. */
import type { Node } from "../../api/gen/core-v1.js";
import { type Amounts, amountsOf, minus, plus } from "./amounts.js";
import type { HostPort } from "./host-ports.js";
import type { PodInfo } from "./pod-info.js";

export class NodeInfo {
  #node: Node | undefined;
  #allocatable: Amounts = {};
  #requested: Amounts = {};
  #nonZeroRequested: Amounts = {};
  readonly #pods = new Map<string, PodInfo>();

  /** Undefined while only its pods are known. */
  get node(): Node | undefined {
    return this.#node;
  }

  set node(node: Node | undefined) {
    this.#node = node;
    this.#allocatable = amountsOf(node?.status?.allocatable);
  }

  get allocatable(): Amounts {
    return this.#allocatable;
  }

  get requested(): Amounts {
    return this.#requested;
  }

  /** cpu and memory, with a little for each container that asks for none. */
  get nonZeroRequested(): Amounts {
    return this.#nonZeroRequested;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  pods(): IterableIterator<PodInfo> {
    return this.#pods.values();
  }

  *hostPorts(): Generator<HostPort> {
    for (const { hostPorts } of this.#pods.values()) yield* hostPorts;
  }

  /** A pod that is there already is replaced: its requests may have changed. */
  add(pod: PodInfo): void {
    this.remove(pod.key);
    this.#pods.set(pod.key, pod);
    this.#requested = plus(this.#requested, pod.requests);
    this.#nonZeroRequested = plus(this.#nonZeroRequested, pod.nonZeroRequests);
  }

  remove(key: string): void {
    const pod = this.#pods.get(key);
    if (!pod) return;
    this.#pods.delete(key);
    this.#requested = minus(this.#requested, pod.requests);
    this.#nonZeroRequested = minus(this.#nonZeroRequested, pod.nonZeroRequests);
  }

  /** A copy that has only the pods that `keep` says; this one stays as it is. */
  filtered(keep: (pod: PodInfo) => boolean): NodeInfo {
    const copy = new NodeInfo();
    copy.node = this.#node;
    for (const pod of this.#pods.values()) if (keep(pod)) copy.add(pod);
    return copy;
  }
}
